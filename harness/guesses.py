"""What who knows nothing guesses: the commonest answer, where a slice has few different ones."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from harness.item import Item

_LEAST_ITEMS = 20  # of a slice, or a share of it says little
_LEAST_SHARE = 0.2  # right for fewer, the commonest answer is an answer like others
_MOST_SHARE = 0.9  # right for more, to tell the rest is the question: it leaves nothing to be shown
_SURE = 3.0  # standard deviations over what falls to each choice by lot: one must be commonest


def with_guesses(items: Sequence[Item]) -> tuple[Item, ...]:
    """Items with the share of their slice's commonest answer as their chance, where that is high.

    Of a slice that has one answer alone, as a refusal, or nearly so nothing is guessed: to tell
    what belongs to it is the question. A chance that is stated stays.
    """
    shares = {name: (answer, share) for name, answer, share in guesses(items)}
    return tuple(_guessed(item, *shares.get(item.slice, ("", 0.0))) for item in items)


def _guessed(item: Item, answer: str, share: float) -> Item:
    is_offered = not item.choices or answer in item.choices
    if item.chance is not None or not is_offered or share <= item.chance_level:
        return item
    return replace(item, chance=share)


def guesses(items: Sequence[Item]) -> Iterator[tuple[str, str, float]]:
    """Slices with their commonest answer and its share of them, where it is worth a guess."""
    slices: dict[str, list[Item]] = {}
    for item in items:
        slices.setdefault(item.slice, []).append(item)
    for name, group in slices.items():
        counts = Counter(item.expected for item in group)
        [(answer, count)] = counts.most_common(1)
        share, lot = count / len(group), fmean(_by_lot(item) for item in group)
        luck = _SURE * math.sqrt(lot * (1 - lot) / len(group))
        is_known = len(group) >= _LEAST_ITEMS and share > lot + luck
        if is_known and _LEAST_SHARE <= share <= _MOST_SHARE:
            yield name, answer, share


def _by_lot(item: Item) -> float:
    return 1 / len(item.choices) if item.choices else 0.0
