"""A bet against "the candidate is worse by the margin or more", which may be looked at any time."""

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, Sample, unbounded

_PRIOR_CHURN = 0.06
_PRIOR_ITEMS = 40
_NEARLY_ALL = 0.999  # of what a bet may stake and not be ruined by one item
_HARM_STAKE = 0.5

_Floats = NDArray[np.float64]


def shown_after(differences: Sample, margin: float, tail: float, bank: int = 0) -> int | None:
    """The first number of items at which the bet is won (wealth 1/tail); None where it never is.

    Score differences (candidate less reference, -1 to 1) are in the order asked; see `wealth`. A
    bet that does badly is not given up: a stop for futility would call 6 of 100 equal candidates
    worse, and evidence of harm (`harm_wealth`) ends those that are.
    """
    won = np.flatnonzero(wealth(differences, margin, bank) >= 1 / tail)
    return int(won[0]) + 1 if won.size else None


def wealth(differences: Sample, margin: float, bank: int = 0) -> _Floats:
    """Wealth after each item, over the last axis, of who starts with 1 and bets on equality.

    If the true mean difference is `-margin` or less, it ever gets to w with a probability of at
    most 1/w (Ville 1939), whenever one looks and whatever the churn is: betting of Waudby-Smith and
    Ramdas (2024, JRSS B 86:1-27). The stake is Kelly's for the churn seen so far. Without a bank
    items are draws, and the claim is about whatever they are drawn from. With one of so many items
    they are asked in random order without replacement and the claim is about these alone: 0 or
    infinite as soon as the items left can change nothing (same authors 2020, NeurIPS 33).
    """
    values = np.asarray(differences, float)
    before = np.arange(values.shape[-1])
    churn = _before(values**2) + _PRIOR_CHURN * _PRIOR_ITEMS
    edge = np.full(values.shape, margin)
    if bank:
        edge = np.clip((margin * bank + _before(values)) / (bank - before), 1e-9, 1 - 1e-9)
    stake = _kelly_stake(churn / (before + _PRIOR_ITEMS), edge)
    with np.errstate(over="ignore"):  # what won long ago may grow beyond all numbers
        path = np.cumprod(1 + stake * (values + edge), axis=-1)
    return _with_certainty(path, values, margin, bank) if bank else path


def _before(values: _Floats) -> _Floats:
    """Sums of all items before each."""
    return np.cumsum(values, axis=-1) - values


def _kelly_stake(churn: _Floats, edge: _Floats) -> _Floats:
    """What maximizes E log(1 + stake (d + edge)) for d = 1 and -1 with half the churn each."""
    a = churn - 2 * edge**2
    scale = edge * (1 - edge**2)
    best = (np.sqrt(a**2 + 4 * edge * scale) - a) / (2 * scale)
    return np.asarray(np.minimum(best, _NEARLY_ALL / (1 - edge)))


def _with_certainty(path: _Floats, values: _Floats, margin: float, bank: int) -> _Floats:
    slack = margin * bank + np.cumsum(values, axis=-1)
    left = bank - 1 - np.arange(values.shape[-1])
    tiny = 1e-9 * bank
    sure = np.where(slack >= left - tiny, math.inf, path)
    return np.where(slack < -left - tiny, 0.0, sure)


def harm_wealth(differences: Sample, margin: float) -> float:
    """The most that who bets on "worse by more than the margin" ever had.

    If the true mean difference is `-margin` or more, it is 1/tail with a probability of at most
    `tail`. The stake is the approximate Kelly one of Waudby-Smith and Ramdas (2024, section B.3),
    by mean and variance so far.
    """
    losses = -np.asarray(differences, float)
    seen = np.arange(losses.size) + 1.0
    mean = _before(losses) / seen
    variance = (_before((losses - mean) ** 2) + 0.25) / seen
    ahead = mean - margin
    stake = np.clip(ahead / (variance + ahead**2), 0, _HARM_STAKE / (1 + margin))
    with np.errstate(over="ignore"):
        path = np.cumprod(1 + stake * (losses - margin))
    return float(path.max(initial=1.0))


def visible_margin(churn: float, items: int) -> float:
    """The least margin for which so many items show equality eight times of ten.

    ``items = 8.6 churn / margin^2 + 3 / margin``: fitted to simulations of the bet for churns of 1
    to 8 % and margins of 1 to 10 points, within a tenth or so; 3 is log 20, which no test of 5 %
    can do without.
    """
    return (3 + math.sqrt(9 + 4 * items * 8.6 * churn)) / (2 * items)


def items_needed(churn: float, margin: float) -> int:
    """How many items show eight times of ten what is better than the limit by the margin."""
    return math.ceil(8.6 * churn / margin**2 + 3 / margin)


def score_interval(scores: Sample, confidence: float) -> Estimate:
    """Mean of scores in [0, 1] with an interval that holds wherever the run stopped.

    The values that a Beta(1, 1) mixture of bets does not refute (Robbins 1970, Annals of
    Mathematical Statistics 41:1397-1409). Scores between 0 and 1 only make it wider than it must
    be: the likelihood ratio is convex in each score. Unbounded for what is no score.
    """
    values = np.asarray(scores, float)
    if not values.size:
        return unbounded(math.nan, 0)
    if values.min() < 0 or values.max() > 1:
        return unbounded(float(values.mean()), values.size)
    mean, bound = float(values.mean()), -math.log1p(-confidence)
    lower = 0.0 if _against(0.0, values) < bound else _crossing(values, bound, 0.0, mean)
    upper = 1.0 if _against(1.0, values) < bound else _crossing(values, bound, 1.0, mean)
    return Estimate(mean, lower, upper, values.size)


def _crossing(values: _Floats, bound: float, outside: float, inside: float) -> float:
    """Where between a refuted mean and one that is not the evidence reaches the bound."""
    for _ in range(50):
        middle = (outside + inside) / 2
        if _against(middle, values) < bound:
            inside = middle
        else:
            outside = middle
    return outside


def _against(mean: float, values: _Floats) -> float:
    """Log wealth of the mixture against this mean."""
    hits, size = float(values.sum()), values.size
    if (mean <= 0 and hits > 0) or (mean >= 1 and hits < size):
        return math.inf
    likelihood = scipy.special.xlogy(hits, mean) + scipy.special.xlog1py(size - hits, -mean)
    return float(scipy.special.betaln(1 + hits, 1 + size - hits) - likelihood)
