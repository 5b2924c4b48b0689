import math

import numpy as np
import pytest
import scipy

from harness.stats import paired, sequential
from harness.stats.intervals import Estimate, unbounded

SEED = 20261120
LIMIT = 1.05
CONFIDENCE = 0.90


def test_the_boundaries_are_those_of_the_table():
    """Hwang, Shih and DeCani's spending with gamma = -1, six looks, one-sided 5 %."""
    expected = (2.557, 2.418, 2.276, 2.140, 2.007, 1.877)
    assert sequential.boundaries(0.05) == pytest.approx(expected, abs=6e-4)


@pytest.mark.parametrize("tail", [0.05, 0.005])
def test_the_boundaries_spend_their_tail_and_no_more(tail):
    """Against the normal distribution in as many dimensions as there are looks."""
    bounds = sequential.boundaries(tail, 3)
    look = np.arange(1, 4)
    correlation = np.sqrt(np.minimum.outer(look, look) / np.maximum.outer(look, look))
    within = scipy.stats.multivariate_normal(cov=correlation).cdf(
        bounds, rng=np.random.default_rng(SEED)
    )
    assert 1 - within == pytest.approx(tail, rel=0.01)


def test_one_look_is_the_fixed_test():
    assert sequential.boundaries(0.05, 1) == pytest.approx((1.6449,), abs=1e-4)
    assert sequential.inflation(0.05, looks=1) == pytest.approx(1.0)


@pytest.mark.parametrize(("tail", "looks"), [(0.0, 6), (0.5, 6), (0.05, 0)])
def test_a_design_that_is_none_is_refused(tail, looks):
    with pytest.raises(ValueError, match="expected a tail"):
        sequential.boundaries(tail, looks)


def test_the_inflated_size_has_the_power_that_was_asked_for():
    random = np.random.default_rng(SEED)
    effect = (1.6449 + 1.2816) * math.sqrt(sequential.inflation(0.05))
    looks = np.arange(1, 7)
    steps = random.normal(effect / math.sqrt(6), 1.0, (40_000, 6))
    scores = np.cumsum(steps, axis=1) / np.sqrt(looks)
    bounds = np.array(sequential.boundaries(0.05))
    above, below = scores >= bounds, scores <= -bounds
    shown = above.any(axis=1) & ~(below.any(axis=1) & (below.argmax(1) < above.argmax(1)))
    assert shown.mean() == pytest.approx(0.90, abs=0.006)


@pytest.mark.parametrize("planned", [6, 10, 48, 199, 400])
def test_looks_are_evenly_spaced_and_the_last_is_the_plan(planned):
    sizes = sequential.look_sizes(planned)
    assert len(sizes) == sequential.LOOKS
    assert sizes[-1] == planned
    assert all(abs(size - planned * k / 6) < 1 for k, size in enumerate(sizes, start=1))


def test_a_plan_of_fewer_pairs_than_looks_is_looked_at_after_every_one():
    assert sequential.look_sizes(4) == (1, 2, 3, 4)
    assert sequential.look_sizes(0) == ()


def plan(values, limit=LIMIT, most=10_000):
    return sequential.planned_pairs(np.asarray(values), math.log(limit), CONFIDENCE, most)


PILOT = np.random.default_rng(SEED).normal(0.0, 0.14, 10)


def test_the_plan_follows_the_spread_and_not_the_location():
    assert plan(PILOT + 3.0) == plan(PILOT)
    assert plan(3 * PILOT) == pytest.approx(9 * plan(PILOT), abs=54)


def test_the_plan_follows_the_distance_of_the_limit_on_either_side():
    assert plan(PILOT, limit=1 / LIMIT) == plan(PILOT)
    assert plan(PILOT, limit=LIMIT**2) == pytest.approx(plan(PILOT) / 4, abs=6)


def test_one_spike_in_the_pilot_does_not_blow_up_the_plan():
    spiky = PILOT.copy()
    spiky[PILOT.argmax()] += 5.0
    assert plan(spiky) == plan(PILOT)


def test_a_plan_is_never_over_the_cap_nor_too_small_for_a_first_look():
    assert plan(PILOT, most=100) == 100
    assert plan(PILOT, limit=1.0, most=100) == 100
    assert plan(PILOT[:1], most=100) == 100
    assert plan(np.zeros(10)) == 48
    assert plan(np.zeros(10), most=20) == 20


def test_a_pilot_of_mostly_equal_ratios_is_not_taken_for_noiseless():
    assert plan([0.0] * 6 + [0.2, -0.2, 0.3, -0.3]) > 48


def test_every_first_look_can_have_an_interval():
    for confidence in (0.8, 0.9, 0.95, 0.99):
        planned = sequential.planned_pairs(np.zeros(10), math.log(LIMIT), confidence, 1000)
        first = sequential.look_sizes(planned)[0]
        values = np.exp(np.linspace(-0.01, 0.01, planned))
        at_first = values[:first], np.ones(first)
        assert sequential.ratio_at_last_look(*at_first, planned, confidence).is_bounded
        less = sequential.ratio_at_last_look(*at_first, planned - 6, confidence)
        assert not less.is_bounded


def test_the_planned_runs_have_their_power_over_all_pilots():
    """Normal theory over 2,000 pilots of ten: 0.9, where the MAD as it is would give 0.76."""
    random = np.random.default_rng(SEED)
    planned = np.array([plan(random.normal(0.0, 0.3, 10)) for _ in range(2000)])
    effect = math.log(LIMIT) / 0.3 * np.sqrt(planned * 0.955 / sequential.inflation(0.05))
    assert scipy.stats.norm.sf(1.6449 - effect).mean() == pytest.approx(0.90, abs=0.02)


def times(random, size, ratio=1.0, spread=0.1):
    return ratio * random.lognormal(0.0, spread, size), random.lognormal(0.0, spread, size)


def test_a_run_of_fixed_size_has_the_plain_interval_of_all_pairs():
    mine, theirs = times(np.random.default_rng(SEED), 47)
    found = sequential.ratio_at_last_look(mine, theirs, 0, CONFIDENCE)
    assert found == paired.ratio_interval(mine, theirs, CONFIDENCE)


def test_pairs_after_the_last_look_are_left_out():
    mine, theirs = times(np.random.default_rng(SEED), 60)
    at_look = sequential.ratio_at_last_look(mine[:50], theirs[:50], 60, CONFIDENCE)
    assert sequential.ratio_at_last_look(mine[:59], theirs[:59], 60, CONFIDENCE) == at_look
    assert at_look.samples == 50
    assert sequential.ratio_at_last_look(mine, theirs, 50, CONFIDENCE).samples == 50


def test_looks_cost_width_most_of_it_at_the_first():
    mine, theirs = times(np.random.default_rng(SEED), 40)
    plain = paired.ratio_interval(mine, theirs, CONFIDENCE)
    last, first = (
        sequential.ratio_at_last_look(mine, theirs, planned, CONFIDENCE) for planned in (40, 240)
    )
    assert first.lower < last.lower < plain.lower
    assert plain.upper < last.upper < first.upper


def test_before_the_first_look_nothing_is_known():
    mine, theirs = times(np.random.default_rng(SEED), 9)
    found = sequential.ratio_at_last_look(mine, theirs, 60, CONFIDENCE)
    assert not found.is_bounded
    assert found.value == paired.ratio_interval(mine, theirs, CONFIDENCE).value
    assert not sequential.ratio_at_last_look([], [], 60, CONFIDENCE).is_bounded


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Estimate(1.0, 0.98, 1.04, 40), True),
        (Estimate(1.1, 1.06, 1.14, 40), True),
        (Estimate(1.0, 0.96, 1.06, 40), False),
        (Estimate(1.0, 0.96, 1.05, 40), False),
        (unbounded(1.0, 5), False),
        (unbounded(math.nan, 0), False),
    ],
)
def test_a_rule_is_decided_once_the_interval_is_all_on_one_side(found, expected):
    assert sequential.is_decided(found, LIMIT) is expected


def ends(random, ratio, runs, most=200):
    """How runs planned from their own first ten pairs end, as shares, and their mean size."""
    passed = failed = taken = 0
    for _ in range(runs):
        mine, theirs = times(random, most, ratio)
        planned = plan(np.log(mine[:10] / theirs[:10]), most=most)
        for size in sequential.look_sizes(planned):
            found = sequential.ratio_at_last_look(mine[:size], theirs[:size], planned, CONFIDENCE)
            if sequential.is_decided(found, LIMIT):
                passed += found.upper < LIMIT
                failed += found.lower > LIMIT
                break
        taken += max(size, 10)
    return passed / runs, failed / runs, taken / runs


def test_equal_times_pass_with_fewer_pairs_than_a_fixed_sample_needs():
    passed, failed, taken = ends(np.random.default_rng(SEED), 1.0, 400)
    assert passed > 0.86
    assert failed < 0.01
    assert taken < 80


def test_a_tenth_slower_fails():
    passed, failed, _ = ends(np.random.default_rng(SEED), 1.1, 300)
    assert passed < 0.01
    assert failed > 0.85


def test_at_the_limit_either_answer_comes_one_time_in_twenty_at_most():
    passed, failed, _ = ends(np.random.default_rng(SEED), LIMIT, 500)
    assert passed < 0.075
    assert failed < 0.075
