"""Paired comparisons: ratios of times, differences of outcomes."""

import math
from functools import cache

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, Sample, unbounded

_EXACT_PAIRS = 400  # above it the normal approximation of the rank sum is used


def ratio_interval(values: Sample, references: Sample, confidence: float) -> Estimate:
    """Ratio of paired positive values: the Hodges-Lehmann estimate of the log ratios, and its
    interval by inverting Wilcoxon's signed-rank test (Hollander, Wolfe, Chicken 2014, 3.3).

    Unbounded when the pairs are too few for the confidence.
    """
    sample = np.asarray(values, float)
    if not sample.size:
        return unbounded(math.nan, 0)
    logs = np.log(sample) - np.log(np.asarray(references, float))
    location = signed_rank_interval(logs, confidence)
    return Estimate(
        math.exp(location.value), math.exp(location.lower), math.exp(location.upper), sample.size
    )


def hodges_lehmann(values: NDArray[np.float64]) -> float:
    """Median of the Walsh averages: as robust as a median, and nearly as sharp as a mean."""
    first, second = np.triu_indices(values.size)
    return float(np.median((values[first] + values[second]) / 2))


def signed_rank_interval(values: NDArray[np.float64], confidence: float) -> Estimate:
    """Median of the Walsh averages (all means of two values, a value with itself included).

    The interval inverts Wilcoxon's signed-rank test; exact up to 400 values, by the normal
    approximation above. Unbounded when the values are too few for the confidence.
    """
    size = values.size
    first, second = np.triu_indices(size)
    walsh = np.sort((values[first] + values[second]) / 2)
    rank = _signed_rank_quantile(size, (1 - confidence) / 2)
    middle = float(np.median(walsh))
    if rank < 1:
        return unbounded(middle, size)
    return Estimate(middle, float(walsh[rank - 1]), float(walsh[walsh.size - rank]), size)


@cache
def _signed_rank_quantile(size: int, tail: float) -> int:
    """Largest k with P(T+ < k) <= tail under the null, T+ the sum of positive ranks."""
    top = size * (size + 1) // 2
    if size > _EXACT_PAIRS:
        spread = math.sqrt(size * (size + 1) * (2 * size + 1) / 24)
        return math.floor(top / 2 + float(scipy.special.ndtri(tail)) * spread)
    ways = np.zeros(top + 1)
    ways[0] = 1.0
    for rank in range(1, size + 1):
        ways[rank:] += ways[:-rank].copy()
    below = np.cumsum(ways) / 2.0**size
    return int(np.searchsorted(below, tail, side="right"))


def gain_interval(values: Sample, references: Sample, confidence: float) -> Estimate:
    """Difference of paired scores in [0, 1], value minus reference, with its interval.

    Of outcomes that are 0 or 1 it is Tango's score interval (1998, Statistics in Medicine
    17:891-908); losses are items that only the reference has right. Unlike Wald's, it keeps its
    coverage when there are few or no discordant pairs.
    """
    mine, theirs = np.asarray(values, float), np.asarray(references, float)
    size = mine.size
    if not size:
        return unbounded(math.nan, 0)
    if not np.isin([mine, theirs], (0, 1)).all():
        return _adjusted_interval(mine - theirs, confidence)
    losses, gains = int((mine < theirs).sum()), int((mine > theirs).sum())
    z = float(scipy.special.ndtri((1 + confidence) / 2))
    value = (gains - losses) / size
    return Estimate(
        value,
        _tango_root(gains, losses, size, z, value, -1.0),
        _tango_root(gains, losses, size, -z, value, 1.0),
        size,
    )


def _adjusted_interval(differences: NDArray[np.float64], confidence: float) -> Estimate:
    """Mean of differences in [-1, 1]: Wald's interval with an item more lost and an item more won.

    Of 0/1 outcomes it is Bonett and Price's (2012, Journal of Educational and Behavioral Statistics
    37:479-488); never zero wide.
    """
    size = differences.size
    middle = float(differences.sum()) / (size + 2)
    variance = (float((differences**2).sum()) + 2) / (size + 2) - middle**2
    z = float(scipy.special.ndtri((1 + confidence) / 2))
    reach, value = z * math.sqrt(variance / (size + 2)), float(differences.mean())
    lower, upper = max(-1.0, middle - reach), min(1.0, middle + reach)
    return Estimate(value, min(value, lower), max(value, upper), size)


def tango_score(gains: int, losses: int, size: int, difference: float) -> float:
    """Tango's z for the null that the true difference (gains minus losses) is `difference`."""
    shift = gains - losses - size * difference
    a = 2.0 * size
    b = -gains - losses + (2 * size - gains + losses) * difference
    c = -losses * difference * (1 - difference)
    q = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = size * (2 * q + difference * (1 - difference))
    if variance <= 0:
        return 0.0 if shift == 0 else math.copysign(math.inf, shift)
    return shift / math.sqrt(variance)


def _tango_root(gains: int, losses: int, size: int, z: float, start: float, end: float) -> float:
    """Where between the estimate and the end of the scale the score crosses z."""

    def excess(difference: float) -> float:
        score = tango_score(gains, losses, size, difference)
        return float(np.clip(score, -1e9, 1e9)) - z

    inside = end * (1 - 1e-12)
    if abs(start - inside) < 1e-9 or excess(start) * excess(inside) > 0:
        return end
    return float(scipy.optimize.brentq(excess, start, inside, xtol=1e-10))
