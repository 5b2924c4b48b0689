"""The page in docs/ against fresh simulations, and against the policies it is of."""

import numpy as np
import pytest

from harness.error_rates.command import PAGE, POLICIES, deciding, rows_of
from harness.error_rates.page import Section, page, read_rows
from harness.error_rates.simulation import NOT_SIMULATED, Rates, is_known
from harness.error_rates.table import Row, differences
from harness.policy import Severity
from harness.store import read_policy

TRIALS = 200
SEED = 1  # another than the table's

CASES = {path.name: deciding(read_policy(path)) for path in POLICIES}


def stored(policy):
    return read_rows(PAGE.read_text(encoding="utf-8"), policy)


@pytest.mark.parametrize("policy", CASES)
def test_the_page_has_every_deciding_rule_with_its_figures_and_no_other(policy):
    rows = {row.name: row.figures for row in stored(policy)}
    expected = {case.name: tuple(map(case.figure, (0, 1, 1.5, 2, 3))) for case in CASES[policy]}
    assert list(rows) == list(expected)
    for name, figures in expected.items():
        assert rows[name] == pytest.approx(figures, rel=1e-3), name


def test_the_table_is_what_a_fresh_simulation_gives_within_its_error():
    every = CASES["gate.toml"]
    third = np.random.default_rng(0).permutation(len(every))[: len(every) // 3]
    fresh = rows_of([every[at] for at in sorted(third)], TRIALS, SEED)
    assert differences(stored("gate.toml"), fresh) == []


def test_every_deciding_rule_has_a_simulation():
    assert [case.name for it in CASES.values() for case in it if not is_known(case)] == []


def test_statistics_without_a_simulation_are_these_alone():
    assert [it.value for it in NOT_SIMULATED] == [
        "median",
        "p50",
        "p90",
        "p95",
        "p99",
        "p99_9",
        "perplexity",
        "gain",
        "cost_at_start",
        "cost_linear",
        "cost_quadratic",
        "hours_to_fill",
        "slope",
    ]


def test_a_page_is_read_as_it_was_written():
    rates = tuple(Rates(4000, go, 17) for go in (3983, 1, 0, 2500, 333))
    rows = [
        Row("latency.itl", Severity.CRITICAL, "ratio", (1.0, 1.05, 1.08, 1.1, 1.16), rates),
        Row("latency.p95", Severity.GUARD, "ratio", (1.0, 1.05, 1.08, 1.1, 1.16), rates, 2),
        Row(
            "memory.peak",
            Severity.CRITICAL,
            "peak_ratio",
            (1.0, 1.1, 1.2, 1.3, 1.4),
            (Rates(1, 1, 0, True),) * 2 + (Rates(1, 0, 1, True),) * 3,
            0,
        ),
    ]
    other = Row("memory.growth", Severity.GUARD, "growth", (0.0, 1.0, 2.0, 3.0, 4.0), rates)
    text = page([Section("a.toml", rows, [], []), Section("b.toml", [other], [], [])])
    assert read_rows(text, "a.toml") == rows
    assert read_rows(text, "b.toml") == [other]
