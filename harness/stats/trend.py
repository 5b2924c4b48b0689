"""Growth over time: is memory leaking, or only warming up?"""

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, Sample, unbounded

_BLOCKS = 12
_WARMUP_SHARE = 0.25
_STEADY_SHARE = 0.6
_JUMP_SHARE = 0.5


def growth_interval(steps: Sample, levels: Sample, confidence: float) -> Estimate:
    """Growth of a level per step, robust to warm-up, arenas that grow in jumps, and saw teeth.

    The first quarter is warm-up; the rest is cut into 12 blocks whose minima are what cannot be
    given back; Theil and Sen's slope over them (Sen 1968, JASA 63:1379-1389). Growth
    that slows down to under 0.6 of its first half's, or of which more than half came in one jump,
    has no lower bound above zero: it is not (yet) a leak. Unbounded below 12 levels after the
    warm-up.
    """
    keep = slice(int(len(steps) * _WARMUP_SHARE), None)
    at, level = np.asarray(steps, float)[keep], np.asarray(levels, float)[keep]
    if level.size < _BLOCKS:
        return unbounded(math.nan, level.size)
    at, level = _block_minima(at, level)
    slope, _, lower, upper = map(float, scipy.stats.theilslopes(level, at, alpha=confidence))
    if not _is_sustained(at, level):
        lower = min(lower, 0.0)
    return Estimate(slope, lower, upper, len(steps))


def _block_minima(
    at: NDArray[np.float64], level: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    blocks = np.array_split(np.arange(level.size), _BLOCKS)
    lowest = np.array([block[level[block].argmin()] for block in blocks])
    return at[lowest], level[lowest]


def _is_sustained(at: NDArray[np.float64], level: NDArray[np.float64]) -> bool:
    half = level.size // 2
    early = float(scipy.stats.theilslopes(level[:half], at[:half])[0])
    late = float(scipy.stats.theilslopes(level[half:], at[half:])[0])
    total = float(level[-1] - level[0])
    largest = float(np.diff(level).max())
    return late >= _STEADY_SHARE * early and late > 0 and largest <= _JUMP_SHARE * total
