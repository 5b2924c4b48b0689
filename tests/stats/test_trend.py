import numpy as np
import pytest

from harness.stats.trend import growth_interval

SEED = 20261120
STEPS = np.arange(1, 41) * 20.0
LIMIT = 0.5


def is_leak(level):
    return growth_interval(STEPS, level, 0.9).lower > LIMIT


def test_a_steady_leak_is_measured_per_step():
    random = np.random.default_rng(SEED)
    found = [
        growth_interval(STEPS, 5e4 + 2.0 * STEPS + random.normal(0, 30, 40), 0.9) for _ in range(40)
    ]
    assert np.mean([it.value for it in found]) == pytest.approx(2.0, abs=0.05)
    assert np.mean([it.lower > LIMIT for it in found]) > 0.95


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


def test_too_few_levels_decide_nothing():
    assert not growth_interval(STEPS[:10], STEPS[:10], 0.9).is_bounded
