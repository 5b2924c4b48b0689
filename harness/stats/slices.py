"""Which part of the items lost more than the rest of them, and more than it won."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from harness.stats.intervals import Sample
from harness.stats.multiplicity import holm

_FAMILY = 0.05  # of the comparison with the rest, over all slices
_ALONE = 0.10  # of the comparison of a slice's losses with its own gains
_SUSPECT = 0.10  # of the comparison of one slice with the rest

_Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SliceCount:
    """One slice: its items, how many of them were lost and won, and what all others lost.

    `mean_gain` is the mean difference, `p_value` that of so many losses or more at the rate of the
    others; `flagged` says that the slice is worse than the rest beyond chance.
    """

    name: str
    items: int
    losses: int
    gains: int
    other_items: int
    other_losses: int
    mean_gain: float
    p_value: float
    flagged: bool

    @property
    def is_suspect(self) -> bool:
        """Whether to ask more of its items before anything is said of it.

        These decide, so it is cheaper to ask of one slice in ten than to pass over one that is
        worse: with 37 items a slice 91 in 100 that lose 15 points are found, and not 65.
        """
        return self.losses > self.gains and self.p_value < _SUSPECT


def screen(differences: Sample, labels: Sequence[str]) -> tuple[SliceCount, ...]:
    """Every slice's count, in the order of first appearance; there is one label at least.

    An item is lost or won however little its score changed: a free answer may become worse without
    becoming wrong, and by how much the slice did is for its `mean_gain` to say.

    Two conditions flag a slice: more losses than at the rate of all other items (binomial, Holm
    over slices), and more than its own gains (exact McNemar). The first alone takes slices that
    merely change more for ones that got worse, the second alone sees little in small slices.
    """
    names = list(dict.fromkeys(labels))
    which = np.array([names.index(label) for label in labels], int)
    values = np.asarray(differences, float)
    items, losses, gains = (
        np.bincount(which[chosen], minlength=len(names))
        for chosen in (np.isfinite(values), values < 0, values > 0)
    )
    means = np.bincount(which, np.nan_to_num(values), len(names)) / np.maximum(items, 1)
    beside, flagged = p_values(items, losses), flags(items, losses, gains)
    counts = zip(names, items, losses, gains, means, beside, flagged, strict=True)
    return tuple(
        SliceCount(
            name,
            int(size),
            int(lost),
            int(won),
            int(items.sum() - size),
            int(losses.sum() - lost),
            float(mean),
            float(p_value),
            bool(flag),
        )
        for name, size, lost, won, mean, p_value, flag in counts
    )


def worst(counts: Sequence[SliceCount]) -> SliceCount:
    """The one that stands most against the variant: flagged and lost most, or least probable."""
    return min(
        counts,
        key=lambda it: (not it.flagged, it.mean_gain if it.flagged else it.p_value, it.p_value),
    )


def p_values(items: _Counts, losses: _Counts) -> NDArray[np.float64]:
    """Of each slice's losses at the rate of all other items and one more that is lost.

    Arrays are shaped (..., slices).
    """
    total, lost = items.sum(-1, keepdims=True), losses.sum(-1, keepdims=True)
    rate = (lost - losses + 1) / (total - items + 2)
    return np.asarray(scipy.special.bdtrc(losses - 1, items, rate))


def flags(items: _Counts, losses: _Counts, gains: _Counts) -> NDArray[np.bool_]:
    """Whether each slice is worse than the rest; arrays are shaped (..., slices)."""
    alone = scipy.special.bdtrc(losses - 1, losses + gains, 0.5)
    return (holm(p_values(items, losses)) < _FAMILY) & (alone < _ALONE)


def least_losses(items: int, others: int, count: int, allowed: float) -> int:
    """The fewest losses that flag a slice of so many items, beyond a share of `allowed`, where no
    item is won and none of the `others` in `count` slices is lost; one more than there are items
    where none is enough.
    """
    sizes = np.array([items, *[others // max(count, 1)] * count], int)
    for lost in range(1, items + 1):
        losses = np.zeros_like(sizes)
        losses[0] = lost
        if lost > allowed * items and flags(sizes, losses, np.zeros_like(sizes))[0]:
            return lost
    return items + 1
