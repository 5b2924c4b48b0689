"""What a session takes is foreseen, and the regression check takes a part of the gate's time."""

import re

from tabulate import tabulate

from harness.durations import seconds_of
from tests.benchmarks.session import QUALITY, ROOT, SPEED, run

TRAVEL = ROOT / "fixtures" / "travel.toml"
POLICIES = ROOT / "fixtures" / "policies"
EVERY = (*SPEED, "device", *QUALITY, "contracts", "packaging", "foundry")
MOST_OF_THE_GATE = 0.6
MOST_OFF = 1.3
_FORESEEN = re.compile(r"this will take about ([\d.]+) (s|min|h)")


def test_the_regression_check_takes_a_part_of_the_gates_time(embedded, tmp_path, show):
    costs = {}
    for policy in ("gate", "ci"):
        folder = tmp_path / policy
        folder.mkdir()
        costs[policy] = run(TRAVEL, POLICIES / f"{policy}.toml", folder, suites=SPEED)
    headers = costs["gate"].headers
    show(tabulate([cost.row(policy) for policy, cost in costs.items()], headers=headers))
    assert costs["ci"].seconds <= MOST_OF_THE_GATE * costs["gate"].seconds


def test_a_session_takes_as_long_as_was_foreseen(embedded, tmp_path, show):
    cost = run(TRAVEL, POLICIES / "gate.toml", tmp_path, suites=EVERY)
    number, unit = _FORESEEN.search(cost.output).groups()
    foreseen = seconds_of(number + unit[0])
    show(f"foreseen {foreseen:.0f} s, spent {cost.seconds:.0f} s")
    assert 1 / MOST_OFF <= cost.seconds / foreseen <= MOST_OFF
