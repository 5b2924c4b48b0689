import math

import numpy as np
import pytest

from harness.stats.intervals import Estimate
from harness.stats.trend import (
    LEAST_LEVELS,
    growth_interval,
    shared_confidence,
    slope_interval,
    time_to_fill,
)

SEED = 20261120
STEPS = np.arange(1, 41) * 20.0
LIMIT = 0.5


def is_leak(level):
    growth = growth_interval(STEPS, level, 0.9)
    return growth.lower > LIMIT and not growth.doubt


def test_a_steady_leak_is_measured_per_step():
    random = np.random.default_rng(SEED)
    found = [
        growth_interval(STEPS, 5e4 + 2.0 * STEPS + random.normal(0, 30, 40), 0.9) for _ in range(40)
    ]
    assert np.mean([it.value for it in found]) == pytest.approx(2.0, abs=0.05)
    assert np.mean([it.lower > LIMIT and not it.doubt for it in found]) > 0.95


def test_the_interval_covers_the_slope_as_often_as_it_says():
    random = np.random.default_rng(SEED)
    found = [
        growth_interval(STEPS, 5e4 + 2.0 * STEPS + random.normal(0, 30, 40), 0.9)
        for _ in range(300)
    ]
    assert np.mean([it.lower <= 2.0 <= it.upper for it in found]) > 0.85


@pytest.mark.parametrize(
    "shape",
    [
        lambda random: np.zeros(40),
        lambda random: 2e4 * (1 - np.exp(-np.arange(40) / 3)),
        lambda random: 3000 * np.log(np.arange(1, 41)),
        lambda random: np.where(np.arange(40) < random.integers(5, 35), 0, 8192),
        lambda random: (np.arange(40) % 7) * 400.0,
    ],
    ids=["flat", "warm-up", "log growth", "one arena", "saw tooth"],
)
def test_what_is_no_leak_raises_no_alarm(shape):
    random = np.random.default_rng(SEED)
    alarms = [is_leak(5e4 + shape(random) + random.normal(0, 20, 40)) for _ in range(100)]
    assert sum(alarms) <= 2


@pytest.mark.parametrize(
    ("level", "doubt"),
    [
        (3000 * np.log(STEPS), "but ever slower"),
        (STEPS + np.where(STEPS > 600, 2000, 0), "more than half of it in one jump"),
        (STEPS + np.where(STEPS > 600, 200, 0), ""),
        (STEPS, ""),
    ],
    ids=["log growth", "large jump", "small jump", "steady"],
)
def test_growth_that_may_end_is_in_doubt(level, doubt):
    growth = growth_interval(STEPS, level, 0.9)
    assert growth.lower > LIMIT
    assert growth.doubt == doubt


def test_a_rise_that_chance_explains_has_no_lower_end_above_zero():
    random = np.random.default_rng(SEED)
    found = [growth_interval(STEPS, random.normal(0, 30, 40), 0.5) for _ in range(200)]
    assert np.mean([it.lower > 0 for it in found]) < 0.03


def test_a_level_that_never_changes_does_not_grow():
    growth = growth_interval(STEPS, np.full(40, 5e4), 0.9)
    assert (growth.value, growth.lower, growth.upper) == (0, 0, 0)


def test_too_few_levels_decide_nothing():
    few = LEAST_LEVELS - 1
    assert not growth_interval(STEPS[:few], STEPS[:few], 0.9).is_bounded
    assert growth_interval(STEPS[: few + 1], STEPS[: few + 1], 0.9).is_bounded


def test_a_slope_is_per_size_and_one_outlier_does_not_turn_it():
    sizes = [0.5, 1.0, 2.0, 4.0, 8.0]
    found = slope_interval(sizes, [3000 * it + 100 for it in sizes], 0.9)
    assert found.value == pytest.approx(3000)
    values = [3000 * it for it in sizes]
    values[1] += 20_000
    assert slope_interval(sizes, values, 0.9).value == pytest.approx(3000, rel=0.1)


def test_two_sizes_have_no_slope_to_speak_of():
    assert not slope_interval([1, 1, 2], [5, 6, 7], 0.9).is_bounded


def test_the_faster_it_grows_the_sooner_it_is_full():
    found = time_to_fill(1000.0, Estimate(2.0, 1.0, 4.0, 20, where="refused requests"))
    assert (found.value, found.lower, found.upper) == (500.0, 250.0, 1000.0)
    assert found.where == "refused requests"


def test_what_does_not_grow_never_fills():
    found = time_to_fill(1000.0, Estimate(0.0, -1.0, 4.0, 20))
    assert (found.value, found.lower, found.upper) == (math.inf, 250.0, math.inf)


def test_confidence_is_shared_out_so_that_all_hold_together():
    assert shared_confidence(0.95, 4) == pytest.approx(0.9875)
