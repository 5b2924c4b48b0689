import math

import numpy as np
import pytest

from harness.stats import intervals

SEED = 20261120


def coverage(interval, draw, truth, runs=1500):
    random = np.random.default_rng(SEED)
    found = [interval(draw(random)) for _ in range(runs)]
    return float(np.mean([it.lower <= truth <= it.upper for it in found]))


def test_the_mean_is_covered_as_often_as_promised():
    share = coverage(
        lambda x: intervals.mean_interval(x, 0.9), lambda r: r.normal(3.0, 2.0, 12), 3.0
    )
    assert share == pytest.approx(0.90, abs=0.02)


def test_clusters_widen_the_interval_to_its_promised_coverage():
    labels = [str(i // 10) for i in range(300)]

    def draw(random):
        return np.repeat(random.normal(0, 1, 30), 10) + random.normal(0, 0.3, 300)

    clustered = coverage(lambda x: intervals.cluster_mean_interval(x, labels, 0.9), draw, 0.0)
    naive = coverage(lambda x: intervals.mean_interval(x, 0.9), draw, 0.0)
    assert clustered == pytest.approx(0.90, abs=0.03)
    assert naive < 0.6


def test_the_median_is_covered_at_least_as_often_as_promised():
    share = coverage(
        lambda x: intervals.median_interval(x, 0.9), lambda r: r.lognormal(0, 1, 25), 1.0
    )
    assert 0.90 <= share <= 0.97


def test_shares_agree_with_the_published_table():
    """Clopper and Pearson 1934, as tabulated by Newcombe 1998 (two-sided 95 %)."""
    found = intervals.share_interval(81, 263, 0.95)
    assert (found.lower, found.upper) == pytest.approx((0.2527, 0.3676), abs=1e-4)
    none = intervals.share_interval(0, 20, 0.95)
    assert (none.lower, none.upper) == pytest.approx((0.0, 0.1684), abs=1e-4)


@pytest.mark.parametrize(
    "found",
    [
        intervals.mean_interval([], 0.9),
        intervals.mean_interval([1.0], 0.9),
        intervals.cluster_mean_interval([1.0, 2.0], ["a", "a"], 0.9),
        intervals.median_interval([1.0, 2.0, 3.0], 0.9),
        intervals.share_interval(0, 0, 0.9),
    ],
)
def test_an_interval_that_cannot_be_computed_is_unbounded(found):
    assert (found.lower, found.upper) == (-math.inf, math.inf)
    assert not found.is_bounded


def test_an_exact_figure_has_no_width_and_is_bounded():
    assert intervals.exact(3.0, 1).is_bounded


def test_a_quantile_lies_between_two_of_the_values_as_often_as_claimed():
    random = np.random.default_rng(5)
    true, held, size, trials = np.exp(1.6448536), 0, 93, 400
    for _ in range(trials):
        found = intervals.order_interval(random.lognormal(size=size), 0.95, 0.90)
        held += found.lower <= true <= found.upper
    assert held / trials >= 0.87


@pytest.mark.parametrize(("size", "bounded"), [(58, False), (59, True)])
def test_59_values_are_the_least_that_bound_the_95_percent_quantile(size, bounded):
    high = intervals.order_interval(range(size), 0.95, 0.90)
    low = intervals.order_interval(range(size), 0.05, 0.90)
    assert (math.isfinite(high.upper), math.isfinite(low.lower)) == (bounded, bounded)
    assert math.isfinite(high.lower)


def test_a_tolerance_interval_of_five_values_holds_the_quantile_as_often_as_claimed():
    random = np.random.default_rng(6)
    true, below, above, trials = np.exp(0.2 * 1.6448536), 0, 0, 1000
    for _ in range(trials):
        found = intervals.tolerance_interval(np.exp(0.2 * random.normal(size=5)), 0.95, 0.90)
        below += found.upper < true
        above += found.lower > true
    assert 0.03 < below / trials < 0.07
    assert 0.03 < above / trials < 0.07


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [1.0, 0.0, 2.0]])
def test_too_few_loads_have_no_tolerance_interval(values):
    assert not intervals.tolerance_interval(values, 0.95, 0.90).is_bounded


def test_a_ratio_of_means_is_covered_as_often_as_promised_where_values_go_together():
    labels = [str(i // 10) for i in range(400)]

    def draw(random):
        shared = np.repeat(random.gamma(2.0, 1.0, 40), 10)  # a hard passage is hard for both
        return shared * random.gamma(4.0, 0.5, 400), shared * random.gamma(4.0, 0.25, 400)

    share = coverage(lambda x: intervals.mean_ratio_interval(*x, labels, 0.9), draw, 2.0)
    assert share == pytest.approx(0.90, abs=0.03)


@pytest.mark.parametrize(
    ("values", "references", "ends"),
    [
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], (1.0, 1.0)),
        ([0.0, 0.0, 0.0], [1.0, 2.0, 3.0], (0.0, 0.0)),
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], (-math.inf, math.inf)),
    ],
)
def test_a_ratio_of_means_at_its_ends(values, references, ends):
    found = intervals.mean_ratio_interval(values, references, ["a", "b", "c"], 0.9)
    assert (found.lower, found.upper) == ends


def test_a_ratio_of_means_of_one_cluster_is_unbounded():
    found = intervals.mean_ratio_interval([1.0, 2.0], [1.0, 1.0], ["a", "a"], 0.9)
    assert (found.value, found.is_bounded) == (1.5, False)
