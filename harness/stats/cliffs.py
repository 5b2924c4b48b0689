"""Cliffs: is one prompt length, or all from one on, dearer than the lengths before it explain?"""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from harness.stats.intervals import Estimate, Sample, unbounded
from harness.stats.rungs import Values, by_length, named

TOLERANCE = 1.10
"""A jump of the ratio to the reference up to this factor is no cliff."""

DECODE_TOLERANCE = 1.25
"""The same between tokens: weights become cheaper by quantization and the cache does not, so that
the ratio climbs with length by itself, and faster where a processor's cache is full.
"""

_SUSPICION = 0.10  # one-sided level of each length: what is suspected is measured again
_LENGTHS_BEFORE = 3  # that a length is compared with
_SAME_PLACE = 1.1  # lengths closer than this factor straddle one limit, and have no drift between
_TILED = math.log2(128)  # of rows: up to so many, what is no whole tile costs as much as one
_WIDEST = 1.5  # a rise is taken as one of so many times its width, not of more: it has an error
_MEDIAN_ERROR = 1.2533  # standard error of a median over a mean's (Gaussian, large samples)
_MIDDLE_VARIANCE = 1.35  # variance of the median of three values over that of their mean
_MAD_TO_DEVIATION = 1.4826  # standard deviation over median absolute deviation (Gaussian)
_FEW = 4  # values a length: with fewer, the spread is that of all lengths with as few
_MOST_LOG = 700.0  # of which there is an exponential
_MAD_FREEDOM = 1 / 3  # degrees of freedom of a median absolute deviation over a variance's


def suspects(
    values: Sample, references: Sample, labels: Sequence[str], tolerance: float = TOLERANCE
) -> tuple[int, ...]:
    """Lengths to be measured again, ascending: those that may be a cliff, and those before them
    that they are compared with. Not those that are known by now to be none; none at all where
    `worst_cliff` cannot decide anyway.
    """
    logs = _log_ratios(values, references)
    first, again = by_length(logs, labels), by_length(logs, labels, again=True)
    if not _decides(first):
        return ()
    drift, lengths = _drift(_pooled(first, again)), tuple(first)
    doubtful = [
        _compared(lengths, length)
        for length in _suspected(first, tolerance)
        if not _is_known(again, _compared(lengths, length))
        or _jump(again, length, drift).value > math.log(tolerance)
    ]
    return tuple(sorted({it for compared in doubtful for it in compared}))


def worst_cliff(
    values: Sample,
    references: Sample,
    labels: Sequence[str],
    confidence: float,
    tolerance: float = TOLERANCE,
    clusters: Sequence[str] = (),
) -> Estimate:
    """The largest jump of the ratio to the reference from some lengths to the next longer one.

    A length's level is its median log ratio. It is compared with the median level of up to three
    lengths before it, so that a jump is found where it starts, whatever share of the lengths lies
    beyond. By how much the level rises from one place to the next just before or just after is a
    drift, and taken off; up to 128 tokens between any two, for kernels work on tiles of rows, and
    one side's 48 may cost as much as its 64. The error is that of medians, on Student's t, with the
    median absolute deviation over all lengths compared for spread: one stall in ten values does not
    move it. A length with fewer than four values, as what takes long has, shares the spread of all
    such.

    A jump beyond `tolerance` at a one-sided level of 10 % makes a suspect; where there is none, all
    do whose value is beyond. Where there are suspects, only what was measured again decides, with
    the drift's error in it and Bonferroni over them, and the shortest one that is shown to be
    beyond the tolerance is where the cliff starts. Else it is the largest jump, with Bonferroni
    over all lengths. Unbounded with fewer than three lengths or two values a length, and where a
    suspect was not measured again.
    """
    logs = _log_ratios(values, references)
    first, again = by_length(logs, labels), by_length(logs, labels, again=True)
    if not _decides(first):
        return unbounded(math.nan, logs.size)
    drift, suspected = _drift(_pooled(first, again)), _suspected(first, tolerance)
    if not suspected:
        jumps = [_jump(first, length, drift) for length in tuple(first)[1:]]
        return _largest(jumps, confidence, logs.size)
    needed = {it for length in suspected for it in _compared(tuple(first), length)}
    if not _is_known(again, needed):
        doubtful = _largest([_jump(first, it, drift) for it in suspected], confidence, logs.size)
        return replace(doubtful, lower=-math.inf, upper=math.inf)
    parts = _by_cluster(logs, labels, clusters)
    jumps = [_with_drift(_widened(again, it, parts, drift)) for it in suspected]
    shared = 1 - (1 - confidence) / len(jumps)
    beyond = [it for it in jumps if it.value - it.reach(shared) > math.log(tolerance)]
    large = [it for it in jumps if it.value > math.log(tolerance)]
    if beyond or large:  # one that is sure to be small must not hide one that may be large
        return _largest(beyond[:1] or large, shared, logs.size)
    return _largest(jumps, confidence, logs.size)


@dataclass(frozen=True, slots=True)
class _Drift:
    """Levels at places, each a run of lengths around one limit; positions are log2 of lengths,
    and `sizes` are the values that each level is of.
    """

    places: Mapping[int, int]
    levels: Values
    positions: Values
    sizes: Values

    def between(self, before: int, length: int) -> float:
        """What the level rises by as smoothly as it does around, and never falls by."""
        first, last = self.places[before], self.places[length]
        if first == last:
            return 0.0
        rises = np.maximum(np.diff(self.levels), 0.0)
        return float(rises[first : last - 1].sum() + self._around(last)[0])

    def variance(self, before: int, length: int) -> float:
        """Of the rise that is taken for the last one, in variances of one value's median."""
        last = self.places[length]
        return 0.0 if self.places[before] == last else self._around(last)[1]

    def _around(self, last: int) -> tuple[float, float]:
        """The largest of the rises just before and just after, at the width of this one, and of
        those among short lengths for one of them; and how uncertain it is. None, where there are
        no others.
        """
        rises, widths = np.maximum(np.diff(self.levels), 0.0), np.diff(self.positions)
        found = [(0.0, 0.0)]
        for place in range(rises.size):
            parts = 1 / self.sizes[place] + 1 / self.sizes[place + 1]
            if place in (last - 2, last):
                times = min(widths[last - 1] / widths[place], _WIDEST)
                found.append((float(rises[place] * times), float(parts * times**2)))
            elif place != last - 1 and self.positions[max(last, place + 1)] <= _TILED:
                found.append((float(rises[place]), float(parts)))
        return max(found)


@dataclass(frozen=True, slots=True)
class _Jump:
    """A difference of levels in logs, with its standard error and that of the drift taken off."""

    length: int
    value: float
    error: float
    freedom: float
    drifted: float = 0.0

    @property
    def screened(self) -> float:
        """What the jump is at least, by the screen for suspects."""
        return self.value - self.reach(1 - 2 * _SUSPICION)

    def reach(self, confidence: float) -> float:
        """Half the width of the two-sided interval."""
        return float(scipy.special.stdtrit(self.freedom, (1 + confidence) / 2)) * self.error


def _by_cluster(
    logs: Values, labels: Sequence[str], clusters: Sequence[str]
) -> list[dict[int, Values]]:
    """What was measured again, for each process pair by itself."""
    found = []
    for cluster in dict.fromkeys(clusters):
        at = [place for place, it in enumerate(clusters) if it == cluster]
        groups = by_length(logs[at], [labels[place] for place in at], again=True)
        if groups:
            found.append(groups)
    return found


def _widened(
    again: Mapping[int, Values], length: int, parts: Sequence[Mapping[int, Values]], drift: _Drift
) -> _Jump:
    """A jump, with the error of several process pairs' mean where that is larger: what is drawn
    once a process, as where its memory lies, is no part of the spread within one.

    A process pair that measured the length for a longer one's sake lacks what it is compared with.
    """
    jump, compared = _jump(again, length, drift), _compared(tuple(again), length)
    whole = [it for it in parts if set(compared) <= it.keys()]
    jumps = [_jump(it, length, drift).value for it in whole]
    if len(jumps) < 2:
        return jump
    between = float(np.std(jumps, ddof=1)) / math.sqrt(len(jumps))
    return replace(jump, error=max(jump.error, between))


def _with_drift(jump: _Jump) -> _Jump:
    """With the error of the drift that was taken off.

    Not for the screen: a wider error there would hide the lengths that are to be measured again.
    """
    return replace(jump, error=math.hypot(jump.error, jump.drifted))


def _log_ratios(values: Sample, references: Sample) -> Values:
    ratios: Values = np.log(np.asarray(values, float)) - np.log(np.asarray(references, float))
    return ratios


def _pooled(first: Mapping[int, Values], again: Mapping[int, Values]) -> dict[int, Values]:
    """All values of each length: what was measured again says more of a drift, too."""
    return {
        length: np.concatenate([values, again.get(length, values[:0])])
        for length, values in first.items()
    }


def _decides(groups: Mapping[int, Values]) -> bool:
    return len(groups) >= 3 and min(it.size for it in groups.values()) >= 2


def _is_known(again: Mapping[int, Values], lengths: Collection[int]) -> bool:
    """Whether all of these were measured again."""
    return all(it in again and again[it].size > 1 for it in lengths)


def _compared(lengths: Sequence[int], length: int) -> Sequence[int]:
    """A length, after those before it that it is compared with."""
    place = lengths.index(length)
    return lengths[max(0, place - _LENGTHS_BEFORE) : place + 1]


def _suspected(first: Mapping[int, Values], tolerance: float) -> tuple[int, ...]:
    drift, most = _drift(first), math.log(tolerance)
    jumps = [_jump(first, length, drift) for length in tuple(first)[1:]]
    screened = tuple(jump.length for jump in jumps if jump.screened > most)
    return screened or tuple(jump.length for jump in jumps if jump.value > most)


def _drift(first: Mapping[int, Values]) -> _Drift:
    lengths = tuple(first)
    apart = [after / before > _SAME_PLACE for before, after in itertools.pairwise(lengths)]
    places = np.concatenate([[0], np.cumsum(apart)]).astype(int)
    medians = np.array([np.median(it) for it in first.values()])
    sizes = np.array([it.size for it in first.values()])
    positions, all_places = np.log2(lengths), range(places[-1] + 1)
    return _Drift(
        dict(zip(lengths, places.tolist(), strict=True)),
        np.array([np.median(medians[places == it]) for it in all_places]),
        np.array([positions[places == it].mean() for it in all_places]),
        np.array([sizes[places == it].sum() for it in all_places], float),
    )


def _jump(groups: Mapping[int, Values], length: int, drift: _Drift) -> _Jump:
    lengths = _compared(tuple(groups), length)
    compared = [groups[it] for it in lengths]
    levels = [float(np.median(it)) for it in compared]
    lifted = [
        level + drift.between(before, length)
        for before, level in zip(lengths[:-1], levels[:-1], strict=True)
    ]
    middle = _MIDDLE_VARIANCE if len(lifted) > 2 else 1.0
    parts = 1 / compared[-1].size + middle / sum(it.size for it in compared[:-1])
    spread, freedom = _spread([*compared, *_as_few(groups, lengths)])
    unit = _MEDIAN_ERROR * spread
    rises = [drift.variance(before, length) for before in lengths[:-1]]
    drifted = unit * math.sqrt(float(np.median(rises)))
    value = levels[-1] - float(np.median(lifted))
    return _Jump(length, value, unit * math.sqrt(parts), freedom, drifted)


def _as_few(groups: Mapping[int, Values], lengths: Sequence[int]) -> list[Values]:
    """The values of other lengths with as few as these have, where these have few."""
    fewest = min(groups[it].size for it in lengths)
    if fewest >= _FEW:
        return []
    return [it for length, it in groups.items() if length not in lengths and it.size <= fewest]


def _spread(groups: Sequence[Values]) -> tuple[float, float]:
    """A standard deviation within groups, and its degrees of freedom; the factor for few values is
    from simulation, true to 2 % for five or more, and exact for two, whose median is their mean.
    Infinite where more than half are all the same.
    """
    apart = np.concatenate([np.abs(it - np.median(it)) for it in groups])
    freedom = apart.size - len(groups)
    few = apart.size / freedom
    factor = math.sqrt(few) if apart.size == 2 * len(groups) else few
    spread = _MAD_TO_DEVIATION * factor * float(np.median(apart))
    return spread or math.inf, freedom * _MAD_FREEDOM


def _largest(jumps: Sequence[_Jump], confidence: float, samples: int) -> Estimate:
    """The jump that stands out most by the screen, and the highest of all upper ends."""
    shared = 1 - (1 - confidence) / len(jumps)
    worst = max(jumps, key=lambda it: it.screened)
    return Estimate(
        math.exp(worst.value),
        math.exp(worst.value - worst.reach(shared)),
        _exp(max(it.value + it.reach(shared) for it in jumps)),
        samples,
        where=named(worst.length),
    )


def _exp(value: float) -> float:
    """Infinite where few values leave no bound."""
    return math.exp(value) if value < _MOST_LOG else math.inf
