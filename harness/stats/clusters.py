"""Ratios of paired times taken in several processes, where the process is the unit.

Memory layout, page and thread placement are drawn once a process and move every time that is taken
in it. So each pair of processes gives one figure, and the interval is over these figures.
"""

import math
from collections.abc import Sequence

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats import sequential
from harness.stats.intervals import Estimate, Sample, unbounded
from harness.stats.paired import hodges_lehmann

_POWER = 0.9

_Floats = NDArray[np.float64]


def figures(values: Sample, references: Sample, clusters: Sequence[str]) -> _Floats:
    """The Hodges-Lehmann log ratio of each cluster of positive pairs, in the order they began."""
    logs = np.log(np.asarray(values, float)) - np.log(np.asarray(references, float))
    names = np.asarray(clusters)
    return np.array([hodges_lehmann(logs[names == name]) for name in dict.fromkeys(clusters)])


def ratio_interval(
    values: Sample,
    references: Sample,
    clusters: Sequence[str],
    planned: int,
    confidence: float,
) -> Estimate:
    """Ratio of paired positive values: the mean over clusters of their log ratios.

    Student's t over clusters, as pyperf and Kalibera and Jones (2013, ISMM) treat processes. With
    `planned` clusters looked at on the way it is the repeated interval of the last look that they
    reach, at the tails of `sequential.boundaries` (the significance levels of the normal design
    taken for t: Jennison and Turnbull 2000, Group Sequential Methods, 11.3). Clusters after that
    look are left out; before it, and below two clusters, nothing is known.
    """
    found = at_last_look(figures(values, references, clusters), planned, confidence)
    with np.errstate(over="ignore"):
        ends = np.exp([found.lower, found.upper])
    return Estimate(math.exp(found.value), float(ends[0]), float(ends[1]), len(values))


def at_last_look(logs: _Floats, planned: int, confidence: float) -> Estimate:
    """Mean of clusters' log ratios with the interval that holds at every look."""
    tail, size = (1 - confidence) / 2, logs.size
    if planned:
        reached = [look for look in sequential.look_sizes(planned) if look <= size]
        if not reached:
            return unbounded(float(logs.mean()) if size else math.nan, size)
        size = reached[-1]
        tail = sequential.tail_at_look(tail, len(reached))
    some = logs[:size]
    mean = float(some.mean()) if size else math.nan
    if size < 2:
        return unbounded(mean, size)
    error = float(some.std(ddof=1)) / math.sqrt(size)
    reach = -float(scipy.special.stdtrit(size - 1, tail)) * error
    return Estimate(mean, mean - reach, mean + reach, size)


def needed(logs: _Floats, log_limit: float, confidence: float, most: int) -> int:
    """How many clusters show, nine times of ten, a ratio of 1 to be within a limit; at most `most`.

    By the spread of a pilot's clusters, never by their location. `most` where there is no spread to
    know, or the limit is 1.
    """
    if logs.size < 2 or log_limit == 0:
        return most
    effect = abs(log_limit) / float(logs.std(ddof=1)) if logs.std() > 0 else math.inf
    for size in range(2, most):
        quantiles = scipy.special.stdtrit(size - 1, [(1 + confidence) / 2, _POWER])
        if effect * math.sqrt(size) >= float(quantiles.sum()):
            return size
    return most
