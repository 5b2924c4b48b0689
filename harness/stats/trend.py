"""Growth over time: is memory leaking, or only warming up? And cost by size."""

import math

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Estimate, Sample, unbounded

LEAST_LEVELS = 15
"""Levels that leave twelve blocks after the warm-up."""

_BLOCKS = 12
_WARMUP_SHARE = 0.25
_STEADY_SHARE = 0.6
_JUMP_SHARE = 0.5
_TREND_P = 0.01


def growth_interval(steps: Sample, levels: Sample, confidence: float) -> Estimate:
    """Growth of a level per step, robust to warm-up, arenas that grow in jumps, and saw teeth.

    The first quarter is warm-up; the rest is cut into 12 blocks whose minima are what cannot be
    given back; Theil and Sen's slope over them (Sen 1968, JASA 63:1379-1389). Where Mann and
    Kendall's test sees no rise (Mann 1945, Econometrica 13:245-259; p < 0.01, one-sided), the
    interval has no lower end above zero. A rise that slows down to under 0.6 of its first half's,
    or of which more than half came in one jump, is in doubt: it may be no leak, and a longer run
    tells. Unbounded below 12 levels after the warm-up.
    """
    keep = slice(int(len(steps) * _WARMUP_SHARE), None)
    at, level = np.asarray(steps, float)[keep], np.asarray(levels, float)[keep]
    if level.size < _BLOCKS:
        return unbounded(math.nan, level.size)
    at, level = _block_minima(at, level)
    slope, _, lower, upper = map(float, scipy.stats.theilslopes(level, at, alpha=confidence))
    if not _rises(at, level):
        lower = min(lower, 0.0)
    return Estimate(slope, lower, upper, len(steps), doubt=_doubt(at, level) if lower > 0 else "")


def shared_confidence(confidence: float, series: int) -> float:
    """The confidence of each of some series that together have this one (Bonferroni)."""
    return 1 - (1 - confidence) / series


def slope_interval(sizes: Sample, values: Sample, confidence: float) -> Estimate:
    """Theil and Sen's slope of values over their sizes; unbounded below three different sizes."""
    if len(set(sizes)) < 3:
        return unbounded(math.nan, len(values))
    found = scipy.stats.theilslopes(
        np.asarray(values, float), np.asarray(sizes, float), alpha=confidence
    )
    slope, _, lower, upper = map(float, found)
    return Estimate(slope, lower, upper, len(values))


def time_to_fill(room: float, growth: Estimate) -> Estimate:
    """Steps until growth has filled a room, endless where nothing grows or nothing is shown."""
    value, lower, upper = (
        room / rate if rate > 0 else math.inf for rate in (growth.value, growth.upper, growth.lower)
    )
    where = growth.where if math.isfinite(value) else ""
    return Estimate(value, lower, upper, growth.samples, where)


def _block_minima(
    at: NDArray[np.float64], level: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    blocks = np.array_split(np.arange(level.size), _BLOCKS)
    lowest = np.array([block[level[block].argmin()] for block in blocks])
    return at[lowest], level[lowest]


def _rises(at: NDArray[np.float64], level: NDArray[np.float64]) -> bool:
    """Mann and Kendall's test is that of Kendall's tau against time."""
    if np.ptp(level) == 0:
        return False
    return float(scipy.stats.kendalltau(at, level, alternative="greater").pvalue) < _TREND_P


def _doubt(at: NDArray[np.float64], level: NDArray[np.float64]) -> str:
    half = level.size // 2
    early = float(scipy.stats.theilslopes(level[:half], at[:half])[0])
    late = float(scipy.stats.theilslopes(level[half:], at[half:])[0])
    total = float(level[-1] - level[0])
    if float(np.diff(level).max()) > _JUMP_SHARE * total:
        return "more than half of it in one jump"
    if late <= 0 or late < _STEADY_SHARE * early:
        return "but ever slower"
    return ""
