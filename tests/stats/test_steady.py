import math

import numpy as np
import pytest

from harness.stats.steady import WINDOW, drift_interval, is_steady, of_most_processes

SEED = 20261120


def white(random, size):
    return random.lognormal(0.0, 0.1, size)


def spiky(random, size):
    spikes = (random.random(size) < 0.05) * random.uniform(0.2, 1.0, size)
    return white(random, size) * (1 + spikes)


def heavy_tailed(random, size):
    return np.exp(0.1 * random.standard_t(3, size) / math.sqrt(3))


NOISES = [white, spiky, heavy_tailed]


def share_steady(noise, decay, runs):
    random = np.random.default_rng(SEED)
    shape = np.exp(-decay * np.arange(WINDOW))
    return np.mean([is_steady(shape * noise(random, WINDOW)) for _ in range(runs)])


@pytest.mark.parametrize("noise", NOISES)
def test_noise_alone_is_steady_in_nineteen_windows_of_twenty(noise):
    assert share_steady(noise, 0.0, 1000) == pytest.approx(0.953, abs=0.02)


@pytest.mark.parametrize(("spread", "seen"), [(0.05, 0.96), (0.1, 0.5)])
def test_a_warm_up_of_three_percent_a_request_is_seen(spread, seen):
    steady = share_steady(lambda random, size: random.lognormal(0.0, spread, size), 0.03, 300)
    assert 1 - steady > seen


def test_a_machine_that_slows_down_is_not_steady_either():
    assert not is_steady(1.05 ** np.arange(WINDOW))


def test_a_single_spike_is_no_trend_wherever_it_stands():
    quiet = 1 + 0.01 * np.array([3.0, 9.0, 1.0, 6.0, 2.0, 8.0, 4.0, 7.0, 0.0, 5.0])
    for at in range(WINDOW):
        values = quiet.copy()
        values[at] *= 3
        assert is_steady(values)


def test_a_trend_of_less_than_two_percent_is_none():
    assert is_steady(np.linspace(1.019, 1.0, WINDOW))
    assert not is_steady(np.linspace(1.025, 1.0, WINDOW))


def test_only_the_last_window_counts():
    decay = np.linspace(2.0, 1.0, WINDOW)
    assert is_steady([*decay, *[1.0] * WINDOW])
    assert not is_steady([*[1.0] * WINDOW, *decay])
    assert is_steady([*decay, *[1.0] * 8], window=8)


def test_fewer_values_than_a_window_are_not_known_to_be_steady():
    assert not is_steady([1.0] * (WINDOW - 1))
    assert is_steady([1.0] * WINDOW)


@pytest.mark.parametrize("noise", NOISES)
def test_a_drift_is_covered_as_often_as_promised(noise):
    random = np.random.default_rng(SEED)
    drift, hits = np.linspace(1.0, 1.2, 60), 0
    for _ in range(300):
        found = drift_interval(drift * noise(random, 60), noise(random, 60), 0.9)
        hits += found.lower <= 1.2 <= found.upper
    assert 0.9 < hits / 300 < 0.98


def in_runs(random, size, correlation=0.9, spread=0.3):
    """Noise of a machine that is slow for a while at a time."""
    level = random.normal(0.0, spread, size)
    for turn in range(1, size):
        fresh = math.sqrt(1 - correlation**2)
        level[turn] = correlation * level[turn - 1] + fresh * level[turn]
    return np.exp(level)


def test_what_slows_both_sides_is_no_drift():
    random = np.random.default_rng(SEED)
    alarms = []
    for _ in range(200):
        machine = in_runs(random, 60) * np.linspace(1.0, 2.0, 60)
        sides = [machine * random.lognormal(0.0, 0.05, 60) for _ in range(2)]
        alarms.append(drift_interval(*sides, 0.9).lower > 1)
    assert np.mean(alarms) < 0.085


def test_runs_of_slow_answers_that_do_not_cancel_are_not_taken_for_drift():
    """Without the widening every third interval would miss."""
    random = np.random.default_rng(SEED)
    hits = 0
    for _ in range(200):
        sides = [in_runs(random, 100, 0.5, 0.1) for _ in range(2)]
        found = drift_interval(*sides, 0.9)
        hits += found.lower <= 1 <= found.upper
    assert hits / 200 > 0.80


def test_seconds_that_a_machine_is_slow_for_are_not_taken_for_drift():
    """A fifth of the noise lasts for twenty pairs; by Kendall's test alone a third would miss."""
    random = np.random.default_rng(SEED)
    hits = 0
    for _ in range(200):
        sides = [
            in_runs(random, 320, 0.95, 0.05) * random.lognormal(0.0, 0.09, 320) for _ in range(2)
        ]
        found = drift_interval(*sides, 0.9)
        hits += found.lower <= 1 <= found.upper
    assert hits / 200 > 0.83


@pytest.mark.parametrize(
    "shape",
    [np.linspace(1.0, 1.3, 320), np.repeat([1.0, 1.3], 160), np.repeat([1.0, 1.3], [240, 80])],
    ids=["with every request", "throttled at half", "throttled late"],
)
def test_sides_that_get_slower_are_seen_through_spikes(shape):
    random = np.random.default_rng(SEED)
    found = []
    for _ in range(20):
        processes = [(shape * spiky(random, 320), spiky(random, 320)) for _ in range(4)]
        found.append(of_most_processes([drift_interval(*it, 0.9) for it in processes], 0.9))
    assert np.mean([it.lower > 1.05 for it in found]) > 0.9


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_processes_together_cover_what_is_true_and_say_it_closer(count):
    random = np.random.default_rng(SEED)
    hits, widths = 0, []
    for _ in range(150):
        processes = [
            drift_interval(np.linspace(1.0, 1.2, 80) * white(random, 80), white(random, 80), 0.9)
            for _ in range(count)
        ]
        found = of_most_processes(processes, 0.9)
        hits += found.lower <= 1.2 <= found.upper
        widths.append(math.log(found.upper / found.lower))
    assert hits / 150 > 0.86
    assert np.median(widths) < 0.45 / math.sqrt(count)


def test_drift_has_the_direction_of_the_side_that_drifts():
    slower = np.linspace(1.0, 2.0, 30)
    assert drift_interval(slower, np.ones(30), 0.9).lower > 1.5
    assert drift_interval(np.ones(30), slower, 0.9).upper < 1 / 1.5
    assert drift_interval(2 * np.ones(30), np.ones(30), 0.9).value == 1.0


def test_long_runs_are_summed_up_in_blocks():
    random = np.random.default_rng(SEED)
    drift = np.linspace(1.0, 1.2, 6000)
    found = drift_interval(drift * white(random, 6000), white(random, 6000), 0.9)
    assert found.lower < 1.2 < found.upper < 1.25
    assert found.samples == 6000


def test_nine_pairs_are_too_few_for_a_drift():
    assert not drift_interval(np.arange(1.0, 10.0), np.ones(9), 0.9).is_bounded
    assert not drift_interval([], [], 0.9).is_bounded


def test_a_process_that_says_nothing_leaves_the_drift_open():
    sure = drift_interval(np.exp(np.arange(40) / 100), np.ones(40), 0.9)
    silent = drift_interval(np.ones(3), np.ones(3), 0.9)
    assert of_most_processes([sure, sure, sure], 0.9).lower > 1.2
    assert not of_most_processes([sure, silent, sure], 0.9).is_bounded
