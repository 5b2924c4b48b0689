"""Simulations against the figure that is true in them, and against what the rules promise."""

import math

import numpy as np
import pytest

from harness.error_rates.case import NO_CHANGE, SIZES
from harness.error_rates.command import POLICIES, deciding
from harness.error_rates.simulation import EXACT, SIMULATED, simulate
from harness.policy import Severity
from harness.ruling import apply_rule
from harness.statistic import Statistic
from harness.store import read_policy

CASES = {it.name: it for it in deciding(read_policy(POLICIES[0])) if it.precision is None}
DRAWN = {name: it for name, it in CASES.items() if it.rule.statistic not in EXACT}
ONE_OF_EACH = {it.rule.statistic: it for it in reversed(DRAWN.values())}

TRIALS = 9
# What looks for the worst of many is drawn away from the truth, and the figure of a fixed share of
# few answers moves in steps.
OFF = {
    Statistic.WORST_EXCESS: 0.5,
    Statistic.WORST_DROP: 0.3,
    Statistic.WORST_CLIFF: 0.5,
    Statistic.WORST_DECODE_CLIFF: 0.5,
    Statistic.EXCESS: 0.7,
    Statistic.NEW_FAULTS: 0.7,
}


@pytest.mark.parametrize("statistic", ONE_OF_EACH)
def test_what_is_measured_is_what_is_true(statistic):
    case = ONE_OF_EACH[statistic]
    figure, clean = case.figure(3.0), case.figure(NO_CHANGE)
    random = np.random.default_rng(0)
    taken = [SIMULATED[statistic](case, figure, random) for _ in range(TRIALS)]
    found = [apply_rule(case.rule, it[0], case.evidence).measured for it in taken]
    assert math.isclose(
        float(np.median(found)), figure, abs_tol=OFF.get(statistic, 0.2) * abs(figure - clean)
    )


@pytest.mark.parametrize("name", [name for name, it in CASES.items() if name not in DRAWN])
def test_an_exact_rule_passes_up_to_its_limit_and_fails_beyond(name):
    found = [simulate(CASES[name], size, 1, 0) for size in SIZES]
    assert [(it.go, it.no_go) for it in found] == [(1, 0), (1, 0), (0, 1), (0, 1), (0, 1)]


def test_a_critical_mean_passes_on_its_limit_in_one_of_twenty():
    found = simulate(CASES["precision.source_logits"], 1.0, 4000, 0)
    assert CASES["precision.source_logits"].rule.severity is Severity.CRITICAL
    assert 0.02 < found.go / found.trials < 0.08
    assert 0.02 < found.no_go / found.trials < 0.08


def test_the_same_seed_gives_the_same_rates():
    case = CASES["foundry.default_loss"]
    assert simulate(case, 1.0, 200, 3) == simulate(case, 1.0, 200, 3)
    assert simulate(case, 1.0, 200, 3) != simulate(case, 1.0, 200, 4)


def test_a_greater_change_is_let_pass_more_seldom():
    for name in ("foundry.default_loss", "scaling.after_long"):
        found = [simulate(CASES[name], size, 200, 0) for size in (NO_CHANGE, 1.0, 3.0)]
        shares = [it.go / it.trials for it in found]
        assert shares == sorted(shares, reverse=True), name
        assert shares[0] > shares[2], name
