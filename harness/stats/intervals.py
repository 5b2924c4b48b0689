"""Estimates with intervals for one sample."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Sample = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its two-sided interval, and how many values it rests on.

    An interval that cannot be computed is unbounded, never zero wide. `where` names the label that
    the figure belongs to, for statistics that look for the worst one. `doubt` says, after a comma,
    why the interval is no evidence of harm however far beyond a limit it lies.
    """

    value: float
    lower: float
    upper: float
    samples: int
    where: str = ""
    doubt: str = ""

    @property
    def is_bounded(self) -> bool:
        """Whether figure and both ends are finite."""
        return all(map(math.isfinite, (self.value, self.lower, self.upper)))


def exact(value: float, samples: int) -> Estimate:
    """A figure without sampling error: a count, a sum, an extreme of all there is."""
    return Estimate(value, value, value, samples)


def unbounded(value: float, samples: int) -> Estimate:
    """A figure of which nothing more is known."""
    return Estimate(value, -math.inf, math.inf, samples)


def mean_interval(values: Sample, confidence: float) -> Estimate:
    """Student's t interval of the mean (Student 1908); unbounded below two values."""
    sample = np.asarray(values, float)
    if sample.size < 2:
        return unbounded(float(sample.mean()) if sample.size else math.nan, sample.size)
    mean = float(sample.mean())
    error = float(sample.std(ddof=1)) / math.sqrt(sample.size)
    reach = float(scipy.special.stdtrit(sample.size - 1, (1 + confidence) / 2)) * error
    return Estimate(mean, mean - reach, mean + reach, sample.size)


def cluster_mean_interval(values: Sample, labels: Sequence[str], confidence: float) -> Estimate:
    """Interval of the mean over all values where values of one label go together.

    The error is that of a ratio estimator over clusters, ``sum_c (sum_i (x_ci - mean))^2 / n^2``
    with the small-sample factor C/(C-1), and Student's t on C-1 degrees of freedom (Miller 2024,
    arXiv 2411.00640, eq. 4). Unbounded below two clusters.
    """
    sample = np.asarray(values, float)
    names, index = np.unique(np.asarray(labels), return_inverse=True)
    mean = float(sample.mean()) if sample.size else math.nan
    if names.size < 2:
        return unbounded(mean, sample.size)
    sums = np.bincount(index, weights=sample - mean)
    variance = float((sums**2).sum()) / sample.size**2 * names.size / (names.size - 1)
    reach = float(scipy.special.stdtrit(names.size - 1, (1 + confidence) / 2)) * math.sqrt(variance)
    return Estimate(mean, mean - reach, mean + reach, sample.size)


def mean_ratio_interval(
    values: Sample, references: Sample, labels: Sequence[str], confidence: float
) -> Estimate:
    """The mean of some values over that of others, index by index in pairs, by clusters.

    The error is linearized, that of the mean of ``x - ratio * y`` over clusters (Cochran 1977,
    Sampling Techniques, 6.3), and taken on the logarithm, on which such ratios are more nearly
    symmetric. Unbounded below two clusters, and where the references are all 0.
    """
    mine, theirs = np.asarray(values, float), np.asarray(references, float)
    mean = float(theirs.mean()) if theirs.size else 0.0
    if mean <= 0:
        return unbounded(math.nan, mine.size)
    ratio = float(mine.mean()) / mean
    if ratio <= 0:
        return exact(ratio, mine.size)
    apart = cluster_mean_interval(mine - ratio * theirs, labels, confidence)
    if not apart.is_bounded:
        return unbounded(ratio, mine.size)
    reach = math.exp((apart.upper - apart.value) / (ratio * mean))
    return Estimate(ratio, ratio / reach, ratio * reach, mine.size)


def median_interval(values: Sample, confidence: float) -> Estimate:
    """Distribution-free interval of the median between two order statistics.

    Their ranks come from the binomial distribution with p = 1/2 (David and Nagaraja 2003, Order
    Statistics, 7.1). Unbounded when the values are too few for the confidence.
    """
    return order_interval(values, 0.5, confidence)


def order_interval(values: Sample, share: float, confidence: float) -> Estimate:
    """Distribution-free interval of a quantile between two order statistics.

    Their ranks come from the binomial distribution with p = share (David and Nagaraja 2003, Order
    Statistics, 7.1). An end for which the values are too few is infinite: the upper one of the 95 %
    quantile at 90 % confidence below 59 values.
    """
    sample = np.sort(np.asarray(values, float))
    size = sample.size
    if not size:
        return unbounded(math.nan, 0)
    tail = (1 - confidence) / 2
    below = scipy.special.bdtr(np.arange(size + 1.0), size, share)
    above = scipy.special.bdtr(np.arange(size + 1.0), size, 1 - share)
    first, last = (int(np.searchsorted(ranks, tail)) for ranks in (below, above))
    return Estimate(
        float(np.quantile(sample, share)),
        float(sample[first - 1]) if first else -math.inf,
        float(sample[size - last]) if last else math.inf,
        size,
    )


def tolerance_interval(values: Sample, share: float, confidence: float) -> Estimate:
    """Interval of a quantile of few values whose logarithms are normal.

    By the noncentral t distribution (Hahn and Meeker 1991, Statistical Intervals, 4.4): five loads
    take seconds, and the 59 that order statistics need take minutes. Unbounded below three values.
    """
    sample = np.asarray(values, float)
    size = sample.size
    if size < 3 or sample.min() <= 0:
        return unbounded(float(np.quantile(sample, share)) if size else math.nan, size)
    logs, root = np.log(sample), math.sqrt(size)
    mean, spread = float(logs.mean()), float(logs.std(ddof=1))
    normal = float(scipy.special.ndtri(share))
    reach = [
        float(scipy.stats.nct.ppf(end, size - 1, normal * root)) / root
        for end in ((1 - confidence) / 2, (1 + confidence) / 2)
    ]
    lower, value, upper = (math.exp(mean + k * spread) for k in (reach[0], normal, reach[1]))
    return Estimate(value, lower, upper, size)


def share_interval(hits: int, size: int, confidence: float) -> Estimate:
    """Exact interval of a proportion of `hits` in `size` (Clopper and Pearson 1934, Biometrika 26).

    Unbounded when `size` is 0.
    """
    if not size:
        return unbounded(math.nan, 0)
    tail = (1 - confidence) / 2
    lower = float(scipy.special.betaincinv(hits, size - hits + 1, tail)) if hits else 0.0
    upper = float(scipy.special.betaincinv(hits + 1, size - hits, 1 - tail)) if hits < size else 1.0
    return Estimate(hits / size, lower, upper, size)
