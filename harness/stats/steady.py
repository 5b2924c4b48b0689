"""Whether times have settled: after the warm-up, and beside the reference over a whole run."""

import math

import numpy as np
import scipy

from harness.stats.intervals import Estimate, Sample, unbounded

WINDOW = 10
_TREND_TAIL = 0.05
_TREND_SHARE = 0.02  # of the median; a change that is smaller over the window is no warm-up
_LEAST_PAIRS = 10
_MOST_BLOCKS = 400


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
    count no more than any value. A run of more than 400 pairs is cut into as many blocks, whose
    medians stand for them. Unbounded below ten pairs.
    """
    logs = np.log(np.asarray(values, float)) - np.log(np.asarray(references, float))
    if logs.size < _LEAST_PAIRS:
        return unbounded(math.nan, logs.size)
    blocks = np.array_split(logs, min(logs.size, _MOST_BLOCKS))
    medians = [float(np.median(block)) for block in blocks]
    slope, _, lower, upper = scipy.stats.theilslopes(
        medians, np.linspace(0.0, 1.0, len(medians)), alpha=confidence
    )
    return Estimate(math.exp(slope), math.exp(lower), math.exp(upper), logs.size)
