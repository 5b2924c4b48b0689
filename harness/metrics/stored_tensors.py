"""Tensors that a variant stores at more bits than its weights are said to have."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.release import Precision

_BITS = {Precision.FP32: 32, Precision.FP16: 16, Precision.INT8: 8, Precision.INT4: 4}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of floating-point numbers as a graph stores it; `kind` is as in "fp32"."""

    name: str
    kind: str
    bits: int
    size_bytes: int

    @property
    def label(self) -> str:
        """Name, precision and size, as a finding names it."""
        return f"{self.name} ({self.kind}, {self.size_bytes / 2**20:.2f} MiB)"


def largest_wide(
    tensors: Iterable[StoredTensor], precision: Precision | None
) -> StoredTensor | None:
    """The largest of those that have more bits than a variant of this precision; None where there
    is none, or nobody knows the precision.
    """
    bits = 64 if precision is None else _BITS[precision]
    wide = [it for it in tensors if it.bits > bits]
    return max(wide, key=lambda it: it.size_bytes, default=None)
