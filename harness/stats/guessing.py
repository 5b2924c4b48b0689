"""How much better than guessing answers are, with an interval that holds wherever a run stops."""

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, Sample, unbounded

_STAKES = (np.arange(256) + 0.5) / 256
"""Parts of all that one has, of which a bet stakes each equally often."""

_NEARLY_NONE = 1e-9  # of a mean that is over 0: every end of an interval lies above

_Floats = NDArray[np.float64]


def beyond_chance_interval(scores: Sample, chances: Sample, confidence: float) -> Estimate:
    """Mean of scores in [0, 1] less the chance of each, which is in [0, 1) and differs by item.

    Each end is the mean that a mixture of bets refutes with a wealth of 1/tail, where the tail is
    half of what the confidence leaves. If that is the true mean, it ever has so much with a
    probability of `tail` at most (Ville 1939), however many items are asked and whenever one looks.
    One bets on each item a constant part t of all that one has, so that a wealth is multiplied by
    ``1 - t + t (d + c) / (m + c)``, where d is the score less its chance, m the mean that is held
    to be true and c the largest chance of all. The mixture over t is Cover's universal portfolio
    (1991, Mathematical Finance 1:1-29). Its interval adapts to the variance (Orabona and Jun 2024,
    IEEE Transactions on Information Theory 70:436-455): of items of one chance with scores of 0 and
    1 it is that of a proportion by Robbins (1970, Annals of Mathematical Statistics 41:1397-1409),
    each side by itself. The order of the items does not matter.

    Unbounded for no item, and for scores or chances outside of their ranges.
    """
    mine, guessed = np.asarray(scores, float), np.asarray(chances, float)
    if not mine.size:
        return unbounded(math.nan, 0)
    mean = float((mine - guessed).mean())
    is_score = (mine >= 0) & (mine <= 1) & (guessed >= 0) & (guessed < 1)
    if not is_score.all():  # no number is in no range
        return unbounded(mean, mine.size)
    wanted = -math.log((1 - confidence) / 2)
    most_lost, most_won = float(guessed.max()), float(1 - guessed.min())
    lower = _least_mean(mine - guessed + most_lost, wanted) - most_lost
    upper = most_won - _least_mean(most_won - mine + guessed, wanted)
    return Estimate(mean, min(mean, lower), max(mean, upper), mine.size)


def items_needed(found: Estimate, limit: float) -> int | None:
    """About how many items of a mean like this one have an interval that lies above a limit.

    The square of its half width falls as ``(log n + 4) / n`` does: twice the logarithm of a wealth
    of 20, and what the mixture costs. None where the mean itself is not above.
    """
    ahead, reach = found.value - limit, found.value - found.lower
    if not found.is_bounded or ahead <= 0:
        return None
    needed = float(found.samples)
    for _ in range(5):
        wider = (math.log(needed) + 4) / (math.log(found.samples) + 4)
        needed = max(found.samples + 1.0, found.samples * wider * (reach / ahead) ** 2)
    return math.ceil(needed)


def _least_mean(values: _Floats, wanted: float) -> float:
    """The mean of values of at least 0 that is just refuted by a log wealth of `wanted`."""
    values = np.maximum(values, 0.0)  # rounding goes below
    different, counts = np.unique(values, return_counts=True)
    mean = float(values.mean())
    if mean <= 0 or _log_wealth(mean * _NEARLY_NONE, different, counts) < wanted:
        return 0.0

    def excess(log_mean: float) -> float:
        return _log_wealth(math.exp(log_mean), different, counts) - wanted

    ends = math.log(mean) + math.log(_NEARLY_NONE), math.log(mean)
    return math.exp(float(scipy.optimize.brentq(excess, *ends, xtol=1e-7)))


def _log_wealth(mean: float, values: _Floats, counts: NDArray[np.int64]) -> float:
    """Of who bets on more than this mean; values are different ones, each so many times."""
    logs = np.log1p(np.outer(_STAKES, values / mean - 1)) @ counts
    most = float(logs.max())
    return most + math.log(float(np.exp(logs - most).mean()))
