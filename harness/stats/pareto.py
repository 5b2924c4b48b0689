"""Which of several things is worse than another in every respect that was measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.stats.intervals import Estimate


@dataclass(frozen=True, slots=True)
class Axis:
    """One respect in which less is better, and by how much more does not matter.

    With `is_ratio` figures are positive and `tolerance` is a share ("5 % more"), else it is in
    their own unit.
    """

    name: str
    tolerance: float
    is_ratio: bool = True

    def is_as_good(self, one: Estimate, other: Estimate) -> bool:
        """Whether the whole interval of `one` is no worse than that of `other`, but for what does
        not matter; False where that is not shown.
        """
        return _is_known(one, other) and one.upper <= self._tolerated(other.lower)

    def is_worse(self, one: Estimate, other: Estimate) -> bool:
        """Whether `one` is shown to be worse, by more than does not matter."""
        is_shown = _is_known(one, other) and one.lower > other.upper
        return is_shown and one.value > self._tolerated(other.value)

    def excess(self, one: Estimate, other: Estimate) -> float:
        """How much worse `one` is: a factor, or a difference."""
        return one.value / other.value if self.is_ratio else one.value - other.value

    def _tolerated(self, figure: float) -> float:
        return figure * (1 + self.tolerance) if self.is_ratio else figure + self.tolerance


def _is_known(one: Estimate, other: Estimate) -> bool:
    return one.is_bounded and other.is_bounded


def dominates(axes: Sequence[Axis], one: Sequence[Estimate], other: Sequence[Estimate]) -> bool:
    """Whether `one` is shown to be as good as `other` on every axis, and better on one at least.

    The intervals are each variant's own: where two of 90 % do not meet, the order of the two is
    wrong with a probability of 10 % at most (Bonferroni), mostly of 2 %.
    """
    triples = list(zip(axes, one, other, strict=True))
    is_better = any(axis.is_worse(theirs, mine) for axis, mine, theirs in triples)
    return is_better and all(axis.is_as_good(mine, theirs) for axis, mine, theirs in triples)


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points than which none is smaller in both coordinates, by the first one.

    Of equal points the first is kept.
    """
    order = sorted(range(len(points)), key=lambda index: (*points[index], index))
    kept, lowest = [], math.inf
    for index in order:
        if points[index][1] < lowest:
            kept.append(index)
            lowest = points[index][1]
    return kept
