"""Damage that only long prompts show: errors of the same positions, at every prompt length."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import scipy

from harness.stats.intervals import Estimate, Sample, unbounded
from harness.stats.paired import gain_interval
from harness.stats.rungs import Values, by_length, named

_LENGTHS_BEFORE = 3  # that a length is compared with
_LEAST_ERROR = 1e-3  # of what errors are relative to: less of it matters to nobody
_LEAST_KLD = 1e-3  # nats: two runs of one 16-bit model differ by half of it (llama.cpp, README)


def worst_step(
    values: Sample, references: Sample, labels: Sequence[str], confidence: float
) -> Estimate:
    """The largest step of a relative error, as a ratio, from some lengths to the next longer one.

    `values` are errors of the same positions, in the same order, at every length; `references` what
    they are relative to, above zero. The log of the error is compared position by position with its
    mean at up to three lengths before: Student's t over positions, Bonferroni over lengths. 0.001
    is added to every relative error. Unbounded below two lengths or two positions, and where
    lengths differ in their number.
    """
    relative = np.asarray(values, float) / np.asarray(references, float)
    groups = by_length(np.log(relative + _LEAST_ERROR), labels)
    if not _is_complete(groups):
        return unbounded(math.nan, relative.size)
    levels = np.array(list(groups.values()))
    steps = [
        levels[place] - levels[max(0, place - _LENGTHS_BEFORE) : place].mean(axis=0)
        for place in range(1, len(levels))
    ]
    return _largest(dict(zip(tuple(groups)[1:], steps, strict=True)), confidence, relative.size)


def worst_excess(values: Sample, labels: Sequence[str], confidence: float) -> Estimate:
    """The largest ratio of the mean divergence at a length to that at the shortest length.

    `values` are of the same positions, in the same order, at every length. 0.001 nats are added to
    every one. The interval is that of a ratio of paired means by the delta method (Student's t over
    positions, Bonferroni over lengths). Unbounded as `worst_step`.
    """
    groups = by_length(np.asarray(values, float) + _LEAST_KLD, labels)
    if not _is_complete(groups):
        return unbounded(math.nan, len(values))
    levels = np.array(list(groups.values()))
    means = levels.mean(axis=1, keepdims=True)
    moved = levels / means - levels[0] / means[0] + np.log(means / means[0])
    return _largest(dict(zip(tuple(groups)[1:], moved[1:], strict=True)), confidence, len(values))


def worst_drop(values: Sample, labels: Sequence[str], confidence: float) -> Estimate:
    """The largest loss of agreement (0 or 1) at a length against that at the shortest length.

    A difference of shares, negative where agreement is lost, over the same positions at every
    length: Tango's interval, Bonferroni over lengths. Unbounded as `worst_step`.
    """
    groups = by_length(values, labels)
    if not _is_complete(groups):
        return unbounded(math.nan, len(values))
    shortest, *longer = groups
    shared = 1 - (1 - confidence) / len(longer)
    gains = {it: gain_interval(groups[it], groups[shortest], shared) for it in longer}
    worst = min(gains, key=lambda it: (gains[it].upper, gains[it].value))
    lowest = min(it.lower for it in gains.values())
    it = gains[worst]
    return Estimate(it.value, lowest, it.upper, len(values), where=named(worst))


def _is_complete(groups: Mapping[int, Values]) -> bool:
    """Whether there are several lengths, and the same positions at every one."""
    sizes = {it.size for it in groups.values()}
    return len(groups) > 1 and len(sizes) == 1 and min(sizes) > 1


def _largest(moved: Mapping[int, Values], confidence: float, samples: int) -> Estimate:
    """The mean with the highest lower end, and the highest of all upper ends: of the largest."""
    shared = 1 - (1 - confidence) / len(moved)
    means = {length: float(it.mean()) for length, it in moved.items()}
    reaches = {
        length: float(scipy.special.stdtrit(it.size - 1, (1 + shared) / 2) * it.std(ddof=1))
        / math.sqrt(it.size)
        for length, it in moved.items()
    }
    worst = max(moved, key=lambda it: means[it] - reaches[it])
    return Estimate(
        math.exp(means[worst]),
        math.exp(means[worst] - reaches[worst]),
        math.exp(max(means[it] + reaches[it] for it in moved)),
        samples,
        where=named(worst),
    )
