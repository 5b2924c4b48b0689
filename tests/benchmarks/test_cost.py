"""Suites on the embedded release take little enough time, variants built before."""

import pytest
from tabulate import tabulate

from tests.benchmarks.session import QUALITY, ROOT, SPEED, run


@pytest.mark.parametrize(
    ("policy", "suites", "limit_seconds"),
    [("gate", SPEED, 80), ("ci", SPEED, 40), ("gate", QUALITY, 50)],
)
def test_suites_take_no_longer_than_they_may(
    policy, suites, limit_seconds, embedded, tmp_path, show
):
    file = ROOT / "fixtures" / "policies" / f"{policy}.toml"
    cost = run(ROOT / "fixtures" / "travel.toml", file, tmp_path, suites=suites)
    row = [*cost.row(policy), str(limit_seconds)]
    show(tabulate([row], headers=(*cost.headers, "limit"), disable_numparse=True))
    assert cost.status in (0, 1, 6), cost.output
    assert cost.seconds <= limit_seconds, f"{policy} took {cost.seconds:.1f} s"
