"""How cost grows with prompt length, and whether it is as before once prompts are short again.

Labels are prompt lengths as `harness.stats.rungs` has them; what was measured again is left out.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, Sample, unbounded
from harness.stats.paired import signed_rank_interval
from harness.stats.rungs import Values, by_length
from harness.stats.steady import of_most_processes

BEFORE, AFTER = "before", "after"
"""Labels of what was measured before all long prompts, and of as much after them."""

_RESAMPLES = 999
_TELLING_PROCESSES = 3  # pairs, of which one alone is not the middle
_TOKENS = 1000.0  # a cost is given for so many
_QUADRATIC_TOLERANCE = 1.5  # noise of a tenth or two does not hide a quadratic part twice as large


def exponent_gain(
    values: Sample,
    references: Sample,
    labels: Sequence[str],
    confidence: float,
    random: np.random.Generator,
) -> Estimate:
    """How much faster cost grows with length than the reference's, as a difference of exponents.

    An exponent is the slope of log median cost on log length (least squares) over the upper half of
    the lengths. A gain that does no harm counts as 0: the cost at the longest length is at most the
    reference's, and the quadratic part of `cost_curve` at most half as much again. So it is where
    each token costs less (matrices in 8 bits) and attention as much: that is slower at no length.
    Percentile interval of repetitions resampled in pairs within a length, each judged so. Unbounded
    with fewer than three lengths in that half, or fewer than two repetitions.
    """
    mine, theirs = by_length(np.log(values), labels), by_length(np.log(references), labels)
    lengths = tuple(mine)
    lower, upper = lengths[: len(mine) // 2], lengths[len(mine) // 2 :]
    if len(upper) < 3 or min(mine[length].size for length in upper) < 2:
        return unbounded(math.nan, len(values))
    levels = {it: _levels(mine[it], theirs[it], random) for it in (*upper, *lower)}
    centred = np.log(upper) - np.log(upper).mean()
    weights = centred / (centred**2).sum()
    gains = weights @ np.array([levels[it][0] - levels[it][1] for it in upper])
    gains[_is_harmless(lengths, np.array([levels[it] for it in lengths]), gains)] = 0.0
    return _percentiles(float(gains[0]), gains[1:], confidence, len(values))


def _levels(mine: Values, theirs: Values, random: np.random.Generator) -> Values:
    """Medians of both in pairs, (2, 1 + resamples): as taken, then of repetitions drawn anew."""
    rows = random.integers(0, mine.size, (_RESAMPLES, mine.size))
    return np.array(
        [[np.median(one), *np.median(one[rows], axis=1)] for one in (mine, theirs)], float
    )


def _is_harmless(lengths: Sequence[int], levels: Values, gains: Values) -> NDArray[np.bool_]:
    """Which gains, (draws), are of a cost that is never beyond the reference's.

    `levels` are logs of costs, (lengths, 2, draws): the variant's and the reference's.
    """
    harmless: NDArray[np.bool_] = (gains > 0) & (levels[-1, 0] <= levels[-1, 1])
    for draw in np.flatnonzero(harmless):
        mine, theirs = (_curve(lengths, np.exp(levels[:, whose, draw])) for whose in (0, 1))
        harmless[draw] = mine[2] <= _QUADRATIC_TOLERANCE * theirs[2]
    return harmless


def cost_curve(values: Sample, labels: Sequence[str]) -> tuple[float, float, float]:
    """Coefficients a, b, c of ``a + b n + c n^2`` for the median cost at n thousand tokens.

    None is negative: least squares on the relative error (Lawson and Hanson 1974, ch. 23). All NaN
    below three lengths.
    """
    groups = by_length(values, labels)
    if len(groups) < 3:
        return math.nan, math.nan, math.nan
    return _curve(tuple(groups), np.array([np.median(it) for it in groups.values()]))


def cost_interval(
    values: Sample,
    labels: Sequence[str],
    power: int,
    confidence: float,
    random: np.random.Generator,
) -> Estimate:
    """The coefficient of ``n^power`` in `cost_curve`, repetitions resampled within their length.

    Unbounded below three lengths or two repetitions.
    """
    groups = by_length(values, labels)
    if len(groups) < 3 or min(it.size for it in groups.values()) < 2:
        return unbounded(math.nan, len(values))
    medians = np.array(
        [np.median(random.choice(it, (_RESAMPLES, it.size)), axis=1) for it in groups.values()]
    )
    drawn = [_curve(tuple(groups), column)[power] for column in medians.T]
    return _percentiles(cost_curve(values, labels)[power], np.array(drawn), confidence, len(values))


def change_interval(
    values: Sample,
    references: Sample,
    labels: Sequence[str],
    confidence: float,
    clusters: Sequence[str] = (),
) -> Estimate:
    """The ratio to the reference after long prompts, over that before them, as in the middle of the
    pairs of processes that `clusters` name; of an even number the one that speaks against it.

    Within one of them the first value after is paired with the first before, and so on:
    Hodges-Lehmann estimate of the log ratios' differences, interval by Wilcoxon's signed-rank test.
    Below three pairs of processes it is in doubt: a few dozen short requests are over in half a
    second, and what slows one process for so long is mostly the machine's doing. Unbounded where
    one of them has not as many before as after, or too few.
    """
    logs = np.log(np.asarray(values, float)) - np.log(np.asarray(references, float))
    at, names = np.asarray(labels, str), np.asarray(clusters or [""] * logs.size, str)
    pairs = [names == name for name in dict.fromkeys(names.tolist() or [""])]
    each = sorted((_change(logs[it], at[it], confidence) for it in pairs), key=lambda it: it.value)
    lowest = 1 - len(each) % 2 if all(it.is_bounded for it in each) else 0  # not what is unknown
    found = of_most_processes(each[lowest:], confidence)
    lacks = f"from {len(each)} of the {_TELLING_PROCESSES} pairs of processes that it takes"
    doubt = lacks if len(each) < _TELLING_PROCESSES else ""
    return replace(found, samples=logs.size, doubt=doubt)


def _change(logs: Values, labels: NDArray[np.str_], confidence: float) -> Estimate:
    before, after = logs[labels == BEFORE], logs[labels == AFTER]
    if not before.size or before.size != after.size:
        return unbounded(math.nan, logs.size)
    found = signed_rank_interval(after - before, confidence)
    value, lower, upper = np.exp([found.value, found.lower, found.upper]).tolist()
    return Estimate(value, lower, upper, logs.size)


def _curve(lengths: Sequence[int], medians: Values) -> tuple[float, float, float]:
    powers = (np.asarray(lengths, float)[:, None] / _TOKENS) ** np.arange(3)
    found, _ = scipy.optimize.nnls(powers / medians[:, None], np.ones(len(lengths)))
    start, linear, quadratic = found.tolist()
    return start, linear, quadratic


def _percentiles(value: float, drawn: Values, confidence: float, samples: int) -> Estimate:
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(value, min(value, float(low)), max(value, float(high)), samples)
