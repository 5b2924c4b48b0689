import math

import numpy as np
import pytest

from harness.stats import clusters, sequential
from harness.stats.paired import hodges_lehmann

SEED = 20261124
BETWEEN, WITHIN, PAIRS = 0.02, 0.1, 16
MOST, LIMIT, CONFIDENCE = 24, 1.05, 0.90


def sessions(runs, ratio, most=MOST, between=BETWEEN):
    """Figures of the process pairs of many sessions, each of 16 pairs of answers."""
    random = np.random.default_rng(SEED)
    logs = random.normal(math.log(ratio), WITHIN, (runs, most, PAIRS))
    logs += random.normal(0, between, (runs, most, 1))
    first, second = np.triu_indices(PAIRS)
    return np.array([np.median((it[:, first] + it[:, second]) / 2, axis=1) for it in logs])


def test_a_cluster_counts_by_its_hodges_lehmann_ratio_in_the_order_it_began():
    logs = np.random.default_rng(SEED).normal(0, 0.3, 9)
    names = ["b"] * 4 + ["a"] * 5
    found = clusters.figures(np.exp(logs), np.ones(9), names)
    assert found == pytest.approx([hodges_lehmann(logs[:4]), hodges_lehmann(logs[4:])])


def test_the_interval_is_students_over_the_clusters():
    values = [1.0, 1.1, 1.2, 1.3]
    found = clusters.ratio_interval(values, [1.0] * 4, list("abcd"), 0, CONFIDENCE)
    logs = np.log(values)
    reach = 2.3534 * logs.std(ddof=1) / 2  # t of 3 degrees of freedom at 95 %
    assert math.log(found.value) == pytest.approx(logs.mean())
    assert math.log(found.upper) == pytest.approx(logs.mean() + reach, rel=1e-4)
    assert found.samples == 4


def test_one_cluster_tells_nothing_however_many_values_it_has():
    found = clusters.ratio_interval([1.0, 1.01] * 50, [1.0] * 100, ["a"] * 100, 0, CONFIDENCE)
    assert not found.is_bounded
    assert found.value == pytest.approx(1.005, abs=1e-3)


def test_clusters_after_the_last_look_are_left_out():
    logs = np.random.default_rng(SEED).normal(0, 0.05, 7)
    at_look = clusters.at_last_look(logs[:4], MOST, CONFIDENCE)
    assert clusters.at_last_look(logs, MOST, CONFIDENCE) == at_look
    assert not clusters.at_last_look(logs[:3], MOST, CONFIDENCE).is_bounded
    assert not clusters.at_last_look(np.empty(0), MOST, CONFIDENCE).is_bounded


def decided(figures):
    """How sessions end that are looked at on the way: shares that pass and fail, mean size."""
    ends = []
    for logs in figures:
        for size in sequential.look_sizes(MOST):
            found = clusters.at_last_look(logs[:size], MOST, CONFIDENCE)
            if not found.lower <= math.log(LIMIT) <= found.upper:
                break
        limit = math.log(LIMIT)
        ends.append((found.upper < limit, found.lower > limit, size))
    passed, failed, sizes = np.mean(ends, axis=0)
    return passed, failed, sizes


def test_at_the_limit_either_error_comes_one_time_in_twenty_at_most():
    passed, failed, _ = decided(sessions(2000, LIMIT))
    assert max(passed, failed) < 0.06


def test_equal_variants_pass_and_slower_ones_fail_within_the_plan():
    passed, failed, size = decided(sessions(1000, 1.0))
    assert (passed > 0.95, failed < 0.005, size < 14) == (True, True, True)
    passed, failed, size = decided(sessions(1000, LIMIT**2))
    assert (passed < 0.005, failed > 0.95, size < 14) == (True, True, True)


def test_of_twenty_sessions_intervals_eighteen_hold_the_truth_at_every_look():
    for size in (4, 8, 24):
        for planned in (0, MOST):
            found = [
                clusters.at_last_look(it[:size], planned, CONFIDENCE) for it in sessions(1000, 1.0)
            ]
            assert np.mean([it.lower <= 0 <= it.upper for it in found]) > 0.88


def test_values_taken_for_independent_would_not_hold_it():
    """What is between processes is lost where all pairs are one sample."""
    found = []
    for logs in sessions(500, 1.0, most=4, between=0.1):
        error = WITHIN * 1.02 / math.sqrt(4 * PAIRS)
        found.append(abs(logs.mean()) < 1.645 * error)
    assert np.mean(found) < 0.5


def test_more_clusters_are_needed_for_a_nearer_limit_and_a_wider_spread():
    pilot = np.array([-0.03, 0.0, 0.01, 0.04])
    sizes = [clusters.needed(scale * pilot, math.log(1.1), 0.9, 50) for scale in (0.5, 1, 2)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]
    assert clusters.needed(pilot, math.log(1.002), 0.9, 50) == 50
    assert clusters.needed(pilot, 0.0, 0.9, 50) == 50
    assert clusters.needed(pilot[:1], 1.0, 0.9, 50) == 50


def test_the_needed_clusters_have_their_power():
    spread = math.hypot(BETWEEN, WITHIN / math.sqrt(PAIRS))
    random = np.random.default_rng(SEED)
    pilot = random.normal(0, 1, 1000)
    size = clusters.needed(spread * pilot / pilot.std(ddof=1), math.log(LIMIT), CONFIDENCE, 99)
    found = [clusters.at_last_look(it[:size], 0, CONFIDENCE) for it in sessions(1000, 1.0)]
    assert 0.88 < np.mean([it.upper < math.log(LIMIT) for it in found]) < 0.97
