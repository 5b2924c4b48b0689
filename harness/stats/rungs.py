"""Values by prompt length: how what is measured up a ladder of lengths is labelled and grouped.

A label is the length in tokens ("1024"), or "1024 again" for what was measured once more because
the length was suspected of a cliff.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.stats.intervals import Sample

Values = NDArray[np.float64]

_AGAIN = " again"


def rung_label(length: int, again: bool = False) -> str:
    """The label of what is measured at a length in tokens."""
    return f"{length}{_AGAIN if again else ''}"


def by_length(values: Sample, labels: Sequence[str], again: bool = False) -> dict[int, Values]:
    """Values by length, ascending, in the order taken: those taken at first, or again."""
    sample = np.asarray(values, float)
    at: dict[int, list[int]] = {}
    for index, label in enumerate(labels):
        if label.endswith(_AGAIN) == again:
            at.setdefault(int(label.removesuffix(_AGAIN)), []).append(index)
    return {length: sample[at[length]] for length in sorted(at)}


def named(length: int) -> str:
    """A length as a person reads it."""
    return f"{length:,} tokens"
