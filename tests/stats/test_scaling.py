import numpy as np
import pytest

from harness.metrics.scaling import ladder
from harness.stats.scaling import (
    AFTER,
    BEFORE,
    change_interval,
    cost_curve,
    cost_interval,
    exponent_gain,
)

SEED = 20261120
LENGTHS = ladder(4088)
LABELS = [str(length) for length in LENGTHS for _ in range(5)]
TOKENS = np.array(LABELS, float)


def cost(start, linear, quadratic):
    return start + linear * TOKENS / 1000 + quadratic * (TOKENS / 1000) ** 2


COST = cost(2, 60, 30)


def gains_of(mine, theirs, noise=0.07, runs=60):
    random = np.random.default_rng(SEED)
    for _ in range(runs):
        measured = [it * random.lognormal(0, noise, TOKENS.size) for it in (mine, theirs)]
        yield exponent_gain(*measured, LABELS, 0.9, np.random.default_rng(0))


def gains(extra, noise):
    return gains_of(COST * (TOKENS / 32) ** extra, COST, noise)


@pytest.mark.parametrize("extra", [0.0, 0.4])
def test_the_exponents_interval_covers_the_difference(extra):
    assert sum(it.lower <= extra <= it.upper for it in gains(extra, 0.07)) >= 50


def test_cost_that_grows_faster_than_the_references_is_shown_to():
    assert sum(it.lower > 0.2 for it in gains(0.5, 0.07)) >= 58
    assert sum(it.lower > 0.2 for it in gains(0.1, 0.07)) <= 3


@pytest.mark.parametrize("quadratic", [8, 30, 100])
def test_growth_that_leaves_it_faster_at_every_length_is_no_harm(quadratic):
    """Weights of 8 bits take 0.3 of fp32's time (VNNI, i8mm), attention takes as long."""
    found = list(gains_of(cost(2, 18, quadratic), cost(2, 60, quadratic), runs=20))
    assert max(it.value for it in found) <= 0.2
    assert max(it.lower for it in found) <= 0.2


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (cost(2, 18, 60), COST),  # slower from 1,400 tokens on
        (cost(2, 18, 16), cost(2, 60, 8)),  # a tenth faster at the longest, slower beyond it
        (cost(2, 60, 120), COST),
    ],
)
def test_a_quadratic_cost_that_was_added_is_harm_though_tokens_are_cheaper(mine, theirs):
    found = list(gains_of(mine, theirs, runs=20))
    assert min(it.value for it in found) > 0.2
    assert sum(it.lower > 0.2 for it in found) >= 10


def test_growth_without_harm_is_told_as_none():
    found = exponent_gain(cost(2, 18, 30), COST, LABELS, 0.9, np.random.default_rng(0))
    assert (found.value, found.lower, found.upper) == (0, 0, 0)


def test_the_cost_curve_is_the_one_that_the_costs_are_of():
    assert cost_curve(COST, LABELS) == pytest.approx((2, 60, 30), rel=1e-3)


def test_no_part_of_the_cost_is_negative():
    curve = cost_curve(0.05 * TOKENS - 0.5 + 1e-6, LABELS)
    assert min(curve) == 0


def test_the_interval_of_a_part_of_the_cost_covers_it():
    random = np.random.default_rng(SEED)
    found = [
        cost_interval(
            COST * random.lognormal(0, 0.05, TOKENS.size), LABELS, 1, 0.9, np.random.default_rng(0)
        )
        for _ in range(30)
    ]
    assert sum(it.lower <= 60 <= it.upper for it in found) >= 25


def test_what_was_measured_again_is_no_part_of_growth():
    again = [*LABELS, "4088 again"]
    costs = [*COST, 1e9]
    assert cost_curve(costs, again) == pytest.approx((2, 60, 30), rel=1e-3)
    it = exponent_gain(costs, [*COST, 1.0], again, 0.9, np.random.default_rng(0))
    assert it.value == pytest.approx(0)


def test_a_slowdown_that_stays_after_long_prompts_is_shown():
    found = [changed([factor] * 3) for factor in (1.0, 1.5)]
    assert found[0].lower < 1 < found[0].upper
    assert found[1].lower > 1.1
    assert found[1].value == pytest.approx(1.5, rel=0.1)


def changed(factors):
    """Of a pair of processes for each factor, by which it is slower after long prompts."""
    random, labels = np.random.default_rng(SEED), [BEFORE] * 20 + [AFTER] * 20
    mine, theirs = random.lognormal(0, 0.1, (2, len(factors), 40))
    mine[:, 20:] *= np.array(factors)[:, None]
    pairs = [str(pair) for pair in range(len(factors)) for _ in labels]
    return change_interval(
        mine.reshape(-1), theirs.reshape(-1) * 2, labels * len(factors), 0.9, pairs
    )


def test_what_slows_one_process_alone_is_no_slowdown():
    """Of 24 processes of equal bytes one answered 1.43 times as slowly for a third of a second."""
    alone, doubted, cleared = (changed([1.43, 1.0, 1.0][:count]) for count in (1, 2, 3))
    assert alone.doubt == "from 1 of the 3 pairs of processes that it takes"
    assert (alone.value, bool(doubted.doubt)) == (pytest.approx(doubted.value, abs=0.05), True)
    assert (cleared.value, cleared.doubt) == (pytest.approx(1.0, abs=0.1), "")


def test_what_slows_every_other_process_is_not_cleared_by_one_more():
    assert min(changed([1.43, 1.0, 1.43, 1.0][:count]).value for count in (2, 3, 4)) > 1.3


def test_a_pair_of_processes_that_says_nothing_is_not_passed_over():
    labels = [BEFORE] * 20 + [AFTER] * 20 + [BEFORE] * 2 + [AFTER]
    pairs = ["0"] * 40 + ["1"] * 3
    assert not change_interval([1.0] * 43, [1.0] * 43, labels, 0.9, pairs).is_bounded


def test_processes_that_agree_show_a_slowdown_whatever_their_number():
    assert all(changed([1.5] * count).lower > 1.2 for count in (3, 4, 5))


def test_too_little_decides_nothing():
    few = np.random.default_rng(0)
    labels = ["32", "64", "128"]
    assert not exponent_gain([1.0] * 3, [1.0] * 3, labels, 0.9, few).is_bounded
    assert not cost_interval([1.0] * 3, labels, 0, 0.9, few).is_bounded
    assert np.isnan(cost_curve([1.0] * 2, labels[:2])).all()
    assert not change_interval([1.0] * 3, [1.0] * 3, [BEFORE, BEFORE, AFTER], 0.9).is_bounded
    assert not change_interval([1.0] * 4, [1.0] * 4, [BEFORE, AFTER] * 2, 0.9).is_bounded
