from dataclasses import replace

import numpy as np
import pytest

from harness.estimate import estimate
from harness.measurement import Measurement
from harness.statistic import LABELLED, PAIRED, Statistic

GAINS = (Statistic.GAIN, Statistic.SEQUENTIAL_GAIN, Statistic.WORST_SLICE, Statistic.WORST_DROP)
VALUES = tuple(1.0 + i / 10 for i in range(20))
LABELS = tuple(str(1 + i // 4) for i in range(20))


def measured(values=VALUES, references=(), labels=()):
    return Measurement("s", "s.m", "int4", "ms", values, "here", references, labels)


@pytest.mark.parametrize("statistic", Statistic)
def test_every_statistic_has_an_estimate_that_brackets_its_value(statistic):
    binary = statistic in (*GAINS, Statistic.SHARE, Statistic.SCORE)
    values = tuple(float(i % 3 > 0) for i in range(20)) if binary else VALUES
    labels = {
        Statistic.GROWTH: tuple(map(str, range(1, 21))),
        Statistic.CHANGE: ("before",) * 10 + ("after",) * 10,
    }.get(statistic, LABELS)
    it = measured(
        values,
        tuple(reversed(values)) if statistic in PAIRED else (),
        labels if statistic in LABELLED else (),
    )
    found = estimate(it, statistic, 0.9)
    assert found.lower <= found.value <= found.upper


def test_gains_are_in_points_and_name_the_label_that_lost_most():
    mine, theirs = (1.0,) * 10 + (0.0,) * 5 + (1.0,) * 5, (1.0,) * 20
    labels = ("a",) * 10 + ("b",) * 10
    assert estimate(measured(mine, theirs), Statistic.GAIN, 0.9).value == -25.0
    worst = estimate(measured(mine, theirs, labels), Statistic.WORST_SLICE, 0.9)
    assert (worst.value, worst.where) == (-50.0, "b")


def test_a_maximum_names_the_label_that_has_it():
    assert estimate(measured(labels=LABELS), Statistic.MAXIMUM, 0.9).where == LABELS[-1]
    assert estimate(measured(), Statistic.MAXIMUM, 0.9).where == ""


def test_a_mean_over_labels_is_wider_than_over_values_that_go_together():
    flat = estimate(measured(), Statistic.MEAN, 0.9)
    clustered = estimate(measured(labels=LABELS), Statistic.MEAN, 0.9)
    assert clustered.value == flat.value
    assert clustered.upper - clustered.lower > 1.5 * (flat.upper - flat.lower)


def test_peaks_are_compared_largest_with_largest():
    it = measured((1.0, 3.0), (2.0, 1.0))
    assert estimate(it, Statistic.PEAK_RATIO, 0.9).value == 1.5


def test_a_device_is_filled_by_what_grows_beyond_doubt_and_visibly():
    turns = np.arange(1, 25)

    def hours(level):
        values = tuple((1000 + level).tolist())
        it = measured(values, labels=tuple(f"plain answers {turn / 100}" for turn in turns))
        it = replace(it, room=4096.0 * 1024)
        return estimate(it, Statistic.HOURS_TO_FILL, 0.9)

    filled = hours(100.0 * turns)
    assert filled.value == pytest.approx((4096 * 1024 - 3400) / 10_000)
    assert filled.where == "plain answers"
    assert hours(1.0 * turns).value == np.inf
    assert hours(9000 * np.log(turns)).value == np.inf


def test_a_slope_is_over_the_labels():
    it = measured((10.0, 20.0, 40.0), labels=("1", "2", "4"))
    assert estimate(it, Statistic.SLOPE, 0.9).value == 10.0


def test_a_total_names_the_labels_that_count():
    labels = tuple("abcdef")
    one = estimate(measured((0, 2, 0, 0, 0, 0), labels=labels), Statistic.TOTAL, 0.9)
    assert (one.value, one.where) == (2.0, "b")
    many = estimate(measured((1,) * 6, labels=labels), Statistic.TOTAL, 0.9)
    assert many.where == "a, b, c and 3 more"
    assert estimate(measured((0,) * 6, labels=labels), Statistic.TOTAL, 0.9).where == ""


def test_an_excess_of_faults_is_in_points():
    found = estimate(measured((1.0,) * 5 + (0.0,) * 15, (0.0,) * 20), Statistic.EXCESS, 0.9)
    assert found.value == 25.0
    assert 0 < found.lower < 25 < found.upper < 100


def test_drift_is_that_of_most_processes():
    still, rising = [1.0] * 40, np.exp(0.1 * np.arange(40) / 39).tolist()

    def drift(*processes):
        values = tuple(value for process in processes for value in process)
        names = tuple(str(at) for at, process in enumerate(processes) for _ in process)
        run = replace(measured(values, (1.0,) * len(values)), clusters=names)
        return estimate(run, Statistic.DRIFT, 0.9).value

    alone = drift(rising)
    assert alone > 1.2  # 10 % over 40 requests are more over a hundred
    assert drift(still, rising, rising) == pytest.approx(alone)
    assert drift(still, still, rising) == pytest.approx(1.0)
    assert 1.05 < drift(still, rising) < alone


def test_a_drift_that_comes_and_goes_is_not_sure():
    def drift(*rises):
        runs = [np.exp(rise * np.arange(101) / 100) for rise in rises]
        values = tuple(float(value) for run in runs for value in run)
        names = tuple(str(at) for at, run in enumerate(runs) for _ in run)
        run = replace(measured(values, (1.0,) * len(values)), clusters=names)
        return estimate(run, Statistic.DRIFT, 0.9)

    neighbour = drift(0.22, -0.1, 0.5)  # of one model beside another's work, as it was measured
    assert neighbour.value > 1.2
    assert neighbour.lower < 1.0
    own = drift(0.22, 0.2, 0.25)
    assert own.lower > 1.15
