"""The lengths at which cost and logits are measured, and what is taken of the logits there."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.metrics.divergence import Logits, token_divergence, top1_agreement

SHORTEST = 32
"""Tokens of the shortest prompt."""

_STEP = 2
_BETWEEN = (48, 96)  # from 32 to 64 tokens the ratio to fp32 climbs by a tenth, to 128 by less:
# in finer steps a climb can be told from a jump
_SAME_PLACE = 1.1  # rungs closer than this factor are around one limit
_STRADDLED_FROM = 256  # a power of two below is no limit of anything
_AT_ONCE = 32  # positions: a large vocabulary's logits are large in double precision
_LIMITS = frozenset(
    {
        "window_size",
        "sliding_window",
        "original_max_position_embeddings",
        "chunk_size",
        "attention_chunk_size",
        "prefill_chunk_size",
    }
)
"""Keys of model configurations that say from which length on something is done differently."""

Values = NDArray[np.float64]


def ladder(longest: int, limits: Collection[int] = ()) -> tuple[int, ...]:
    """Prompt lengths in tokens, ascending: geometric from 32 on in steps of two, finer to 128, and
    `longest`.

    Around powers of two from 256 on, and around each of `limits`, there are rungs one below, at and
    one above. Empty with `longest` below the shortest rung.
    """
    if longest < SHORTEST:
        return ()
    steps = [SHORTEST]
    while steps[-1] * _STEP <= longest:
        steps.append(steps[-1] * _STEP)
    straddled = {*(it for it in steps if it >= _STRADDLED_FROM), *limits}
    around = {limit + by for limit in straddled for by in (-1, 0, 1)}
    return tuple(
        sorted(it for it in {*steps, *_BETWEEN, *around, longest} if SHORTEST <= it <= longest)
    )


def places(rungs: Sequence[int]) -> tuple[int, ...]:
    """Of each run of rungs around one limit the last, which lies beyond it."""
    longer = [*rungs[1:], float("inf")][: len(rungs)]
    return tuple(it for it, after in zip(rungs, longer, strict=True) if after / it > _SAME_PLACE)


def length_limits(document: Mapping[str, Any]) -> frozenset[int]:
    """Lengths from which on a model's configuration does something differently.

    Sliding windows, the context before RoPE was stretched (where LongRoPE switches its factors) and
    the chunks of a prefill, wherever in the document they are.
    """
    return frozenset(_limits(document))


def _limits(value: object) -> Iterator[int]:
    if isinstance(value, list):
        for it in value:
            yield from _limits(it)
    if not isinstance(value, Mapping):
        return
    slides = value.get("use_sliding_window", True)
    for key, it in value.items():
        if key in _LIMITS and type(it) is int and (slides or key != "sliding_window"):
            yield it
        else:
            yield from _limits(it)


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far a variant's logits are from the reference's, position by position.

    NaN where either has a logit that is not finite. `kld` is in nats, `top1` 1 where both put the
    same token first. `error` is the mean distance of the logits over the vocabulary, `spread` the
    mean distance of the reference's from their middle, both with the mean over it taken off.
    """

    kld: Values
    top1: Values
    error: Values
    spread: Values


def deviation(reference: Logits, candidate: Logits) -> Deviation:
    """The deviation at every position; both are (positions, vocabulary)."""
    starts = range(0, len(reference), _AT_ONCE)
    return joined(
        [_deviation(reference[at : at + _AT_ONCE], candidate[at : at + _AT_ONCE]) for at in starts]
    )


def _deviation(reference: Logits, candidate: Logits) -> Deviation:
    with np.errstate(invalid="ignore", over="ignore"):
        kld = token_divergence(reference, candidate)
        theirs = reference - reference.mean(axis=1, keepdims=True)
        apart = candidate - candidate.mean(axis=1, keepdims=True) - theirs
        error, spread = np.abs(apart).mean(axis=1), np.abs(theirs).mean(axis=1)
    known = np.where(np.isfinite(kld), 1.0, np.nan)
    top1 = top1_agreement(reference, candidate)
    return Deviation(kld * known, top1 * known, error * known, spread * known)


def joined(parts: Sequence[Deviation]) -> Deviation:
    """Several texts' positions one after the other."""
    return Deviation(*(np.concatenate([getattr(it, name) for it in parts]) for name in _PARTS))


_PARTS = ("kld", "top1", "error", "spread")
