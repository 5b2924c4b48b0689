"""The bank of domain items: its random order, a part of every slice, and items as requests."""

import hashlib
from collections.abc import Sequence
from itertools import islice, zip_longest

import numpy as np

from harness.answer import Request
from harness.item import Item


def shuffled(items: Sequence[Item], seed: int) -> tuple[Item, ...]:
    """Items in the random order of a seed, the same whatever order they came in the file.

    What several ask is there once: asked again, it is no evidence that was not there.
    """
    by_id = sorted(items, key=lambda item: item.id)
    ordered = list({item.asked: item for item in reversed(by_id)}.values())[::-1]
    return tuple(ordered[i] for i in generator(seed, "items").permutation(len(ordered)))


def order_of(items: Sequence[Item], reference: str) -> int:
    """The seed of a bank's order: of its items and the reference's digest, nobody's choice.

    Who could choose it could try one order after another until a candidate passes.
    """
    named = sorted((item.id, *map(str, item.messages), item.expected) for item in items)
    digest = hashlib.sha256(repr((reference, named)).encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest()[:8], "big")


def generator(seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for each purpose."""
    digest = hashlib.sha256(purpose.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def some_of_every_slice(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    """The first items of each slice, `count` at most."""
    by_slice: dict[str, list[Item]] = {}
    for item in items:
        by_slice.setdefault(item.slice, []).append(item)
    return tuple(item for group in by_slice.values() for item in group[:count])


def across_slices(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    """So many items, of each slice the first, then of each the second, and so on."""
    by_slice: dict[str, list[Item]] = {}
    for item in items:
        by_slice.setdefault(item.slice, []).append(item)
    rounds = zip_longest(*by_slice.values())
    return tuple(islice((item for turn in rounds for item in turn if item is not None), count))


def question(item: Item) -> Request:
    """An item as a request; the runtime may keep its generator, which gives the same tokens."""
    return Request(messages=item.messages, max_new_tokens=item.max_new_tokens, fresh=False)
