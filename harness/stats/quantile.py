"""Quantiles of single values that go together in answers, by a block bootstrap over answers."""

import math
from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, Sample, unbounded

_RESAMPLES = 1000
_AT_ONCE = 50  # resamples of which every value is held in memory
_LEAST_ANSWERS = 10
_MOST_CORRELATION = 0.95

_Floats = NDArray[np.float64]
_Integers = NDArray[np.int64]


def quantile_interval(
    values: Sample,
    labels: Sequence[str],
    share: float,
    confidence: float,
    random: np.random.Generator,
) -> Estimate:
    """The value that a `share` of all do not exceed, where values of one label go together.

    Labels are answers in the order taken. The error of the share below the quantile comes of the
    moving-block bootstrap over answers (Kuensch 1989, Annals of Statistics 17:1217-1241), and the
    interval lies between the order statistics at its ends (Woodruff 1952, JASA 47:635-646), which
    cover the quantiles far out better than percentiles of resampled ones. Unbounded below ten
    answers, or where an end is beyond the values.
    """
    sample, answers = np.asarray(values, float), _answers(labels)
    if not sample.size:
        return unbounded(math.nan, 0)
    ordered = np.sort(sample)
    value = float(ordered[_rank(share, sample.size)])
    size = int(answers[-1]) + 1
    if size < _LEAST_ANSWERS:
        return unbounded(value, sample.size)
    error = max(*_errors(_beyond(sample, value, answers), _resampled(size, random)))
    reach = _deviate(size, confidence) * max(error, _least_error(share, sample.size))
    below, above = (math.floor((share + side * reach) * sample.size) for side in (-1, 1))
    if below < 1 or above >= sample.size:
        return unbounded(value, sample.size)
    return Estimate(value, float(ordered[below - 1]), float(ordered[above]), sample.size)


def quantile_ratio_interval(
    values: Sample,
    references: Sample,
    labels: Sequence[str],
    share: float,
    confidence: float,
    random: np.random.Generator,
) -> Estimate:
    """The quantile of positive values over the references', index by index of the same answers.

    Both sides are resampled with the same blocks of answers, so that what slows both cancels. The
    percentiles are those of the expanded percentile interval (Hesterberg 2015, American
    Statistician 69:371-386), farther out still where the difference between the sides drifts.
    Unbounded below ten answers, or where the values are too few for their quantile.
    """
    mine, theirs = np.asarray(values, float), np.asarray(references, float)
    answers = _answers(labels)
    if not mine.size:
        return unbounded(math.nan, 0)
    ends = [float(np.sort(side)[_rank(share, side.size)]) for side in (mine, theirs)]
    value, size = ends[0] / ends[1], int(answers[-1]) + 1
    deviate = _deviate(size, confidence) if size >= _LEAST_ANSWERS else math.inf
    reach = deviate * _least_error(share, mine.size)
    if share - reach < 1 / mine.size or share + reach >= 1:
        return unbounded(value, mine.size)
    weights = _resampled(size, random)
    apart = _beyond(mine, ends[0], answers) - _beyond(theirs, ends[1], answers)
    by_blocks, by_chain = _errors(apart, weights)
    tail = scipy.special.ndtr(-deviate * max(1.0, by_chain / by_blocks if by_blocks else 1.0))
    ratios = _quantiles(mine, answers, weights, share) / _quantiles(theirs, answers, weights, share)
    lower, upper = map(float, np.quantile(ratios, [tail, 1 - tail]))
    return Estimate(value, lower, upper, mine.size)


def _answers(labels: Sequence[str]) -> _Integers:
    """Which answer each value is of, from 0; a new one starts wherever the label changes."""
    names = np.asarray(labels)
    return np.cumsum(np.concatenate(([False], names[1:] != names[:-1])))


def _rank(share: float, size: int) -> int:
    """The index among ordered values of the least that a share of them do not exceed."""
    return max(0, math.ceil(share * size - 1e-9) - 1)


def _block(answers: int) -> int:
    return round(math.cbrt(answers))


def _resampled(answers: int, random: np.random.Generator) -> _Integers:
    """How often each answer is drawn in each resample of moving blocks: (resamples, answers)."""
    block = _block(answers)
    starts = random.integers(0, answers - block + 1, (_RESAMPLES, -(-answers // block), 1))
    drawn = (starts + np.arange(block)).reshape(_RESAMPLES, -1)[:, :answers]
    cells = drawn + answers * np.arange(_RESAMPLES)[:, None]
    counts: _Integers = np.bincount(cells.ravel(), minlength=_RESAMPLES * answers)
    return counts.reshape(_RESAMPLES, answers)


def _beyond(sample: _Floats, value: float, answers: _Integers) -> _Floats:
    """By answer, how many values more than the average answer's exceed a value, per value."""
    above, sizes = sample > value, np.bincount(answers)
    counts = np.bincount(answers, weights=above.astype(float))
    return np.asarray((counts - above.mean() * sizes) / sizes.mean(), float)


def _errors(deviations: _Floats, weights: _Integers) -> tuple[float, float]:
    """Standard errors of the mean deviation: over resamples, and as of an autoregression.

    Blocks of a third root of the answers are too short for slow drifts of the machine; the second
    is that of a first-order autoregression, whose coefficient is never taken for negative and freed
    of its small-sample bias (Marriott and Pope 1954, Biometrika 41:390-402).
    """
    size = deviations.size
    power = float(deviations @ deviations)
    correlation = float(deviations[1:] @ deviations[:-1]) / power if power else 0.0
    if correlation > 0:
        correlation = min(correlation + (1 + 3 * correlation) / size, _MOST_CORRELATION)
    chain = (1 + correlation) / (1 - correlation) if correlation > 0 else 1.0
    return float((weights @ deviations).std()) / size, math.sqrt(power * chain) / size


def _least_error(share: float, size: int) -> float:
    """The standard error of a share of independent values."""
    return math.sqrt(share * (1 - share) / size)


def _deviate(answers: int, confidence: float) -> float:
    """Student's t for as many values as there are blocks, and for the spread that so few lack."""
    blocks = answers / _block(answers)
    t = float(scipy.special.stdtrit(blocks - 1, (1 + confidence) / 2))
    return t * math.sqrt(blocks / (blocks - 1))


def _quantiles(sample: _Floats, answers: _Integers, weights: _Integers, share: float) -> _Floats:
    """The quantile of each resample."""
    order = np.argsort(sample)
    owners, sizes = answers[order], np.bincount(answers)
    found = []
    for some in np.array_split(weights.astype(np.int32), -(-len(weights) // _AT_ONCE)):
        needed = np.ceil(share * (some @ sizes) - 1e-9)
        below = np.cumsum(some[:, owners], axis=1, dtype=np.int32)
        found.append((below < needed[:, None]).sum(axis=1))
    quantiles: _Floats = sample[order][np.concatenate(found)]
    return quantiles
