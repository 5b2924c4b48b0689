"""Takes two variants' answers in adjacent pairs: until both are warm, then until rules are decided.

The run is sized from a pilot, the last ten pairs of the warm-up, and looked at six times on the
way; see `harness.stats.sequential`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.answer import Answer
from harness.stats import sequential, steady

PILOT = 10
_COPY_FACTOR = 2  # a variant beside itself shall tell apart less than its rules ask for

Pair = tuple[Answer, Answer]
"""The variant's answer and the other one's to the same request."""

Series = Mapping[str, Callable[[Sequence[Answer]], list[float]]]
"""What is taken of each answer, by name: TTFT, say."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A rule on the ratio of one series, which may be decided before the end."""

    series: str
    limit: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Size:
    """How many pairs there may be: of warm-up at most, and measured at least and at most."""

    warmups: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class PairedRun:
    """Pairs in the order taken; `planned` holds by series what the run was sized to."""

    warmups: tuple[Pair, ...]
    pairs: tuple[Pair, ...]
    planned: dict[str, int]

    @property
    def mine(self) -> list[Answer]:
        """The variant's own answers."""
        return [pair[0] for pair in self.pairs]


def run_until_decided(
    ask: Callable[[], Pair], series: Series, watches: Sequence[Watch], size: Size
) -> PairedRun:
    """Pairs until every watched rule is decided one way or the other, or its plan is used up.

    Without a rule to watch there are as many as may be.
    """
    warmups = _warm_up(ask, series, size.warmups)
    pairs = _first(warmups, ask, size)
    planned = _planned(pairs or warmups[-PILOT:], series, watches, size)
    looks = {
        size.least,
        *(look for most in planned.values() for look in sequential.look_sizes(most)),
    }
    while len(pairs) < size.most:
        is_look = len(pairs) >= size.least and len(pairs) in looks
        if is_look and watches and all(_is_over(it, pairs, series, planned) for it in watches):
            break
        pairs.append(ask())
    return PairedRun(tuple(warmups), tuple(pairs), planned)


def run_beside_itself(
    ask: Callable[[], Pair], series: Series, watches: Sequence[Watch], size: Size
) -> PairedRun:
    """Pairs of two processes of one variant, enough to see what its machine can tell apart."""
    warmups = _warm_up(ask, series, size.warmups)
    pairs = _first(warmups, ask, size)
    planned = _planned(pairs or warmups[-PILOT:], series, watches, size).values()
    most = min(size.most, max(size.least, _COPY_FACTOR * max(planned, default=size.most)))
    pairs += [ask() for _ in range(most - len(pairs))]
    return PairedRun(tuple(warmups), tuple(pairs), {})


def sides(
    pairs: Sequence[Pair], take: Callable[[Sequence[Answer]], list[float]]
) -> NDArray[np.float64]:
    """A series of both sides, shaped (2, pairs)."""
    return np.array([take([pair[side] for pair in pairs]) for side in (0, 1)], float)


def _first(warmups: Sequence[Pair], ask: Callable[[], Pair], size: Size) -> list[Pair]:
    """The pilot as part of the run, where the warm-up is too short to be one."""
    return [] if len(warmups) >= PILOT else [ask() for _ in range(min(PILOT, size.most))]


def _warm_up(ask: Callable[[], Pair], series: Series, most: int) -> list[Pair]:
    """Pairs until nothing that is measured of either side rises or falls any more."""
    pairs: list[Pair] = []
    while len(pairs) < most:
        pairs.append(ask())
        if len(pairs) >= steady.WINDOW and all(
            steady.is_steady(values)
            for take in series.values()
            for values in sides(pairs[-steady.WINDOW :], take)
        ):
            break
    return pairs


def _planned(
    pilot: Sequence[Pair], series: Series, watches: Sequence[Watch], size: Size
) -> dict[str, int]:
    planned: dict[str, int] = {}
    for it in watches:
        mine, theirs = sides(pilot, series[it.series])
        ratios, limit = np.log(mine / theirs), float(np.log(it.limit))
        needed = sequential.planned_pairs(ratios, limit, it.confidence, size.most)
        planned[it.series] = max(planned.get(it.series, 0), needed)
    return planned


def _is_over(
    watch: Watch, pairs: Sequence[Pair], series: Series, planned: Mapping[str, int]
) -> bool:
    most = planned[watch.series]
    if len(pairs) >= most:
        return True
    mine, theirs = sides(pairs, series[watch.series])
    found = sequential.ratio_at_last_look(mine, theirs, most, watch.confidence)
    return sequential.is_decided(found, watch.limit)
