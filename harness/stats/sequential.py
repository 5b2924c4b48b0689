"""When a comparison in pairs may stop: six looks at the data that keep what its interval promises.

The design is symmetric: a run ends as soon as the ratio is shown to lie on either side of its
limit, and has no stop for futility.
"""

import math
from functools import cache

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, Sample, unbounded
from harness.stats.paired import ratio_interval

LOOKS = 6
_GAMMA = -1.0
_POWER = 0.9
_NODES = 64  # of the Gauss-Legendre rule at each look
_REACH = 9.0  # standard deviations out to which a density is integrated
_NORMAL_MAD = 1.4826  # standard deviation of a normal distribution over its MAD
_SIGNED_RANK_EFFICIENCY = 3 / math.pi  # 0.955 against the mean, on normal values
_PILOT_ALLOWANCE = 2.0

_Floats = NDArray[np.float64]


@cache
def boundaries(tail: float, looks: int = LOOKS) -> tuple[float, ...]:
    """The z that ends a run on one side, at each of equally spaced looks.

    Without an effect they are crossed with probability `tail` in all. How much of it is spent up to
    a look follows Hwang, Shih and DeCani (1990, Statistics in Medicine 9:1439-1445) with
    gamma = -1; the bounds come of the recursive integration of Armitage, McPherson and Rowe (1969,
    JRSS A 132:235-244). ValueError for a tail outside (0, 0.5) or without a look.
    """
    if not 0 < tail < 0.5 or looks < 1:
        raise ValueError(f"expected a tail in (0, 0.5) and at least one look: {tail}, {looks}")
    spent = tail * np.expm1(-_GAMMA * np.arange(1, looks + 1) / looks) / math.expm1(-_GAMMA)
    at, mass = np.zeros(1), np.ones(1)
    bounds = []
    for look, share in enumerate(np.diff(spent, prepend=0.0), start=1):
        reach = _REACH * math.sqrt(look)
        bound = _sum_with_tail(at, mass, float(share), reach)
        bounds.append(bound / math.sqrt(look))
        at, mass = _between(at, mass, -reach, bound)
    return tuple(bounds)


def _sum_with_tail(at: _Floats, mass: _Floats, share: float, reach: float) -> float:
    """The bound that the next sum exceeds with a probability of `share`."""

    def excess(bound: float) -> float:
        return _above(at, mass, bound) - share

    return float(scipy.optimize.brentq(excess, -reach, reach, xtol=1e-10))


def _above(at: _Floats, mass: _Floats, bound: float) -> float:
    """The probability that a sum in `at`, plus one more standard normal step, exceeds a bound."""
    return float(mass @ scipy.special.ndtr(at - bound))


def _between(at: _Floats, mass: _Floats, lower: float, upper: float) -> tuple[_Floats, _Floats]:
    """Sums after one more standard normal step that stay between bounds, as nodes and masses."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = (upper - lower) / 2
    after = lower + half * (nodes + 1)
    density = np.exp(-((after[:, None] - at) ** 2) / 2) @ mass / math.sqrt(2 * math.pi)
    return after, density * weights * half


@cache
def inflation(tail: float, power: float = _POWER, looks: int = LOOKS) -> float:
    """The largest size of a run over a fixed sample's of the same one-sided tail and power.

    1.097 for six looks at 0.05 and 0.9. (A design that also stops for futility needs 1.234.)
    """
    bounds = boundaries(tail, looks)
    fixed = float(-scipy.special.ndtri(tail) + scipy.special.ndtri(power))

    def lacking(effect: float) -> float:
        return power - _crossing_share(effect, bounds)

    needed = float(scipy.optimize.brentq(lacking, fixed - 1e-6, 2 * fixed))
    return (needed / fixed) ** 2


def _crossing_share(effect: float, bounds: tuple[float, ...]) -> float:
    """How often runs end above, at an effect in standard errors of the last look."""
    step = effect / math.sqrt(len(bounds))
    at, mass = np.zeros(1), np.ones(1)
    share = 0.0
    for look, score in enumerate(bounds, start=1):
        bound = score * math.sqrt(look)
        share += _above(at + step, mass, bound)
        at, mass = _between(at + step, mass, -bound, bound)
    return share


def planned_pairs(log_ratios: _Floats, log_limit: float, confidence: float, most: int) -> int:
    """How many pairs a run is made for, by the spread of a pilot's log ratios; at most `most`.

    Enough to show, nine times of ten, a ratio of 1 to be within a limit whose logarithm is
    `log_limit`, by the signed-rank test at the tails of a two-sided confidence. Only the spread is
    used and never the location: 1.4826 MAD, or the standard deviation where most pairs are equal.
    A pilot before the run leaves its error rates as they are; as its first ten pairs it lifts 5.0 %
    to 5.4 %. The variance is doubled: the MAD of ten pairs is off by 37 %, and taken as it is would
    leave a power of 0.76 over all pilots. Not fewer than can have an interval at the first look;
    `most` where there is no spread to know, or the limit is 1.
    """
    if log_ratios.size < 2 or log_limit == 0:
        return most
    tail = (1 - confidence) / 2
    z = float(-scipy.special.ndtri(tail) + scipy.special.ndtri(_POWER))
    fixed = (z * _spread(log_ratios) / log_limit) ** 2 / _SIGNED_RANK_EFFICIENCY
    needed = max(fixed * _PILOT_ALLOWANCE * inflation(tail), LOOKS * _least_at_first_look(tail))
    return most if needed >= most else min(most, LOOKS * math.ceil(needed / LOOKS))


def _spread(values: _Floats) -> float:
    deviation = float(np.median(np.abs(values - np.median(values))))
    return _NORMAL_MAD * deviation if deviation > 0 else float(values.std(ddof=1))


def _least_at_first_look(tail: float) -> int:
    """Pairs of which all could fall on one side with a probability below the first look's tail."""
    return math.ceil(-math.log2(_tail_of(boundaries(tail)[0])))


def _tail_of(score: float) -> float:
    return float(scipy.special.ndtr(-score))


def look_sizes(planned: int, looks: int = LOOKS) -> tuple[int, ...]:
    """How many pairs there are at each look, equally spaced; all of them where they are few."""
    return tuple(sorted({-(-planned * look // looks) for look in range(1, looks + 1)} - {0}))


def ratio_at_last_look(
    values: Sample, references: Sample, planned: int, confidence: float
) -> Estimate:
    """Ratio of paired positive values with the repeated interval of the last look they reach.

    Repeated confidence intervals (Jennison and Turnbull 1989, JRSS B 51:305-361) hold at all looks
    at once, so it does not matter why a run ended. Pairs after the last look are left out; before
    the first one nothing is known. With `planned` 0, a run of fixed size, it is the plain interval
    of all pairs.
    """
    if planned == 0:
        return ratio_interval(values, references, confidence)
    reached = [size for size in look_sizes(planned) if size <= len(values)]
    if not reached:
        middle = ratio_interval(values, references, confidence)
        return unbounded(middle.value, middle.samples)
    size, tail = reached[-1], tail_at_look((1 - confidence) / 2, len(reached))
    return ratio_interval(values[:size], references[:size], 1 - 2 * tail)


def tail_at_look(tail: float, look: int) -> float:
    """What a look, the first is 1, leaves of each tail of a two-sided interval."""
    return _tail_of(boundaries(tail)[look - 1])


def is_decided(found: Estimate, limit_value: float) -> bool:
    """Whether the whole interval lies on one side of a limit, so that more pairs change nothing."""
    return found.is_bounded and not found.lower <= limit_value <= found.upper
