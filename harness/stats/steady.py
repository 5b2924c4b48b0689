"""Whether times have settled: after the warm-up, and beside the reference over a whole run."""

import math
from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, Sample, unbounded

WINDOW = 10
_TREND_TAIL = 0.05
_TREND_SHARE = 0.02  # of the median; a change that is smaller over the window is no warm-up
_LEAST_PAIRS = 10
_MOST_BLOCKS = 400
_LONG_BLOCKS = 5  # whose medians show what comes and goes slower than from pair to pair
_LEAST_TAIL = 1e-12
_FEW_PROCESSES = 2  # that say nothing of how processes differ


def is_steady(values: Sample, window: int = WINDOW) -> bool:
    """Whether the last `window` times show no trend; False where there are fewer.

    A trend is significant by Kendall's tau (1938, Biometrika 30:81-93; exact, two-sided p < 0.05),
    which no single spike can make, and changes the median by 2 % or more over the window by Theil
    and Sen's slope, so that a quiet machine's last half percent does not count.
    """
    last = np.asarray(values, float)[-window:]
    if last.size < window:
        return False
    at = np.arange(window)
    if not float(scipy.stats.kendalltau(at, last).pvalue) < _TREND_TAIL:
        return True
    change = float(scipy.stats.theilslopes(last, at)[0]) * (window - 1)
    return abs(change) < _TREND_SHARE * abs(float(np.median(last)))


def drift_interval(values: Sample, references: Sample, confidence: float) -> Estimate:
    """How the ratio of paired positive times changed over the run: at its end over at its start.

    Theil and Sen's slope of the log ratios in the order taken, with the interval that inverts
    Kendall's test (Sen 1968, JASA 63:1379-1389): what slows both sides at once cancels, and spikes
    count no more than any value. What does not cancel may still come in runs, so that Kendall's
    error grows by the first autocorrelation of the ranks that the slope leaves, as for a
    first-order autoregression (Hamed and Rao 1998, Journal of Hydrology 204:182-196). Noise of
    seconds is longer than that: the interval is at least as wide as that of a line through the
    medians of five parts (Student's t, 3 degrees of freedom). A run of more than 400 pairs is cut
    into as many blocks, whose medians stand for them. Unbounded below ten pairs.
    """
    logs = np.log(np.asarray(values, float)) - np.log(np.asarray(references, float))
    if logs.size < _LEAST_PAIRS:
        return unbounded(math.nan, logs.size)
    blocks = np.array_split(logs, min(logs.size, _MOST_BLOCKS))
    level = np.array([float(np.median(block)) for block in blocks])
    at = np.linspace(0.0, 1.0, level.size)
    slope = float(scipy.stats.theilslopes(level, at)[0])
    wider = _widened(confidence, _rank_autocorrelation(level - slope * at))
    _, _, lower, upper = scipy.stats.theilslopes(level, at, alpha=wider)
    reach = _reach_of_parts(level, confidence)
    with np.errstate(over="ignore"):
        ends = np.exp([min(lower, slope - reach), max(upper, slope + reach)])
    return Estimate(math.exp(slope), float(ends[0]), float(ends[1]), logs.size)


def drift_per_hundred(values: Sample, references: Sample, confidence: float) -> Estimate:
    """The same, as the ratio over a hundred requests, however many the run had."""
    found = drift_interval(values, references, confidence)
    power = 100 / max(1, found.samples - 1)
    with np.errstate(over="ignore"):
        value, lower, upper = np.array([found.value, max(found.lower, 0.0), found.upper]) ** power
    if not found.is_bounded:
        return unbounded(float(value), found.samples)
    return Estimate(float(value), float(lower), float(upper), found.samples)


def of_most_processes(found: Sequence[Estimate], confidence: float) -> Estimate:
    """The drift in the middle of those of several processes: what slows down with use does so in
    most of them.

    Of an even number the geometric mean of the two in the middle. The error of each process shrinks
    with their number as a mean's: that of a median is larger by a quarter, and intervals on three
    degrees of freedom are wider than those on as many as all have together. From three on also as
    wide as Student's t over processes: what a neighbour does comes and goes, and slows some by
    chance. Unbounded where one of them is.
    """
    samples = max(it.samples for it in found)
    if not all(it.is_bounded and it.value > 0 for it in found):
        return unbounded(math.nan, samples)
    with np.errstate(divide="ignore"):
        logs, lows, highs = np.log([(it.value, it.lower, it.upper) for it in found]).T
    value, root = float(np.median(logs)), math.sqrt(logs.size)
    below, above = (float(np.median(it)) / root for it in (logs - lows, highs - logs))
    if logs.size > _FEW_PROCESSES:
        reach = float(scipy.special.stdtrit(logs.size - 1, (1 + confidence) / 2))
        apart = reach * float(logs.std(ddof=1)) / root
        below, above = max(below, apart), max(above, apart)
    with np.errstate(over="ignore"):
        value, lower, upper = np.exp([value, value - below, value + above])
    return Estimate(float(value), float(lower), float(upper), samples)


def _reach_of_parts(level: NDArray[np.float64], confidence: float) -> float:
    """How far from its slope over the whole run a line through the medians of parts may be."""
    parts = [float(np.median(part)) for part in np.array_split(level, _LONG_BLOCKS)]
    found = scipy.stats.linregress(np.arange(_LONG_BLOCKS), parts)
    reach = float(scipy.special.stdtrit(_LONG_BLOCKS - 2, (1 + confidence) / 2))
    return reach * float(found.stderr) * _LONG_BLOCKS


def _rank_autocorrelation(values: NDArray[np.float64]) -> float:
    """Of the first order, never taken for negative; 0 where all are equal."""
    ranks = scipy.stats.rankdata(values) - (values.size + 1) / 2
    power = float(ranks @ ranks)
    return max(0.0, float(ranks[1:] @ ranks[:-1]) / power) if power else 0.0


def _widened(confidence: float, correlation: float) -> float:
    """The confidence whose interval of independent values is as wide as this one must be."""
    z = float(scipy.special.ndtri((1 + confidence) / 2))
    tail = float(scipy.special.ndtr(-z * math.sqrt((1 + correlation) / (1 - correlation))))
    return 1 - max(2 * tail, _LEAST_TAIL)
