"""From counters of bytes to the differences, shares and labels that rules speak of."""

from collections.abc import Sequence

Count = int | None
"""Bytes, or None where the system does not count them."""


def request_labels(kind: str, requests: int, cycles: int) -> list[str]:
    """The kind, and how many requests of it there were after each cycle of so many."""
    return [f"{kind} {requests * (turn + 1)}" for turn in range(cycles)]


def hour_labels(kind: str, requests: int, cycles: int, per_second: float) -> list[str]:
    """The kind, and the hours that its requests take at a rate, after each cycle of so many."""
    hours = requests / per_second / 3600
    return [f"{kind} {hours * (turn + 1):.9f}" for turn in range(cycles)]


def thousands(lengths: Sequence[int]) -> list[str]:
    """Each length in thousands of tokens."""
    return [f"{length / 1000:g}" for length in lengths]


def total(*parts: Count) -> Count:
    """All parts together, None where one is not counted."""
    known = [it for it in parts if it is not None]
    return sum(known) if len(known) == len(parts) else None


def differences(larger: Sequence[Count], smaller: Sequence[Count]) -> list[Count]:
    """What the one has more than the other, pair by pair."""
    pairs = zip(larger, smaller, strict=True)
    return [None if one is None or other is None else one - other for one, other in pairs]


def shares(parts: Sequence[Count], wholes: Sequence[Count]) -> list[float | None]:
    """Each part over its whole; a whole of nothing has no shares, and is left out."""
    return [
        None if part is None or whole is None else part / whole
        for part, whole in zip(parts, wholes, strict=True)
        if whole is None or whole > 0
    ]
