import math

import numpy as np
import pytest
import scipy

from harness.stats import paired

SEED = 20261120


def test_the_ratio_of_times_is_covered_as_often_as_promised():
    random = np.random.default_rng(SEED)
    hits = 0
    for _ in range(1000):
        drift = random.lognormal(0, 0.5, 40)
        mine = 1.2 * drift * random.lognormal(0, 0.1, 40)
        found = paired.ratio_interval(mine, drift * random.lognormal(0, 0.1, 40), 0.9)
        hits += found.lower <= 1.2 <= found.upper
    assert hits / 1000 == pytest.approx(0.90, abs=0.025)


@pytest.mark.parametrize("size", [6, 9, 20])
def test_the_signed_rank_interval_inverts_wilcoxons_test(size):
    random = np.random.default_rng(SEED)
    values = random.normal(0.3, 1.0, size)
    found = paired.signed_rank_interval(values, 0.9)
    for end, inward in ((found.lower, 1e-9), (found.upper, -1e-9)):
        inside = scipy.stats.wilcoxon(values - end - inward, method="exact").pvalue
        outside = scipy.stats.wilcoxon(values - end + inward, method="exact").pvalue
        assert inside > 0.1 >= outside


@pytest.mark.parametrize(
    ("size", "tail", "critical"),
    [(8, 0.005, 0), (10, 0.005, 3), (20, 0.005, 37), (30, 0.005, 109), (50, 0.005, 373)],
)
def test_the_rank_sum_of_a_small_tail_is_the_tables(size, tail, critical):
    """Wilcoxon and Wilcox 1964, Some Rapid Approximate Statistical Procedures, table 2."""
    values = np.arange(1.0, size + 1) ** 3
    found = paired.signed_rank_interval(values, 1 - 2 * tail)
    walsh = np.sort(np.add.outer(values, values)[np.triu_indices(size)] / 2)
    assert found.lower == walsh[critical]
    assert found.upper == walsh[-critical - 1]


@pytest.mark.parametrize("tail", [0.05, 0.0005])
def test_several_hundred_pairs_are_exact_and_go_over_into_the_approximation(tail):
    random = np.random.default_rng(SEED)
    values = np.sort(random.normal(0.0, 1.0, 401))
    exact = paired.signed_rank_interval(values[:400], 1 - 2 * tail)
    almost = paired.signed_rank_interval(values, 1 - 2 * tail)
    assert (almost.lower, almost.upper) == pytest.approx((exact.lower, exact.upper), abs=0.02)
    assert exact.lower < exact.value < exact.upper


def test_four_pairs_are_too_few_for_an_interval():
    found = paired.ratio_interval([2.0] * 4, [1.0] * 4, 0.9)
    assert found.value == pytest.approx(2.0)
    assert not found.is_bounded


def outcomes(both, losses, gains, neither):
    mine = [1] * both + [0] * losses + [1] * gains + [0] * neither
    theirs = [1] * both + [1] * losses + [0] * gains + [0] * neither
    return mine, theirs


def test_tangos_interval_agrees_with_the_published_example():
    """Tango 1998, table IV: 36, 12, 2, 0 gives 0.0611 to 0.3447 (two-sided 95 %)."""
    found = paired.gain_interval(*outcomes(36, 2, 12, 0), 0.95)
    assert (found.lower, found.upper) == pytest.approx((0.0611, 0.3447), abs=1e-4)


def test_no_discordant_pair_still_leaves_an_interval():
    found = paired.gain_interval([1] * 100, [1] * 100, 0.9)
    assert found.value == 0.0
    assert found.lower == pytest.approx(-found.upper)
    assert 0.02 < found.upper < 0.04


def test_the_ends_of_the_scale_are_the_ends_of_the_interval():
    lost = paired.gain_interval([0] * 30, [1] * 30, 0.9)
    assert lost.lower == -1.0
    assert lost.upper < -0.8


@pytest.mark.parametrize("churn", [0.04, 0.08])
def test_a_loss_at_the_margin_is_accepted_in_one_of_twenty(churn):
    """One-sided 5 % is a two-sided 90 % interval, on the edge of a margin of 3 points."""
    random = np.random.default_rng(SEED)
    accepted = 0
    for _ in range(600):
        draw = random.random(600)
        losses, gains = draw < churn / 2 + 0.03, draw > 1 - churn / 2
        found = paired.gain_interval(1 - losses.astype(float), 1 - gains.astype(float), 0.9)
        accepted += found.lower >= -0.03
    assert accepted / 600 == pytest.approx(0.05, abs=0.02)


def test_an_empty_comparison_is_unbounded():
    assert math.isnan(paired.gain_interval([], [], 0.9).value)
    assert not paired.ratio_interval([], [], 0.9).is_bounded
