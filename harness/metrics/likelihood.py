"""How likely a model thinks tokens to be that it reads, from its logits."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]
Tokens = tuple[int, ...]

_AT_ONCE = 2**20  # logits: a large vocabulary's are many times as large in double precision


def in_parts(logits: Logits) -> list[slice]:
    """Slices of as many positions as are computed in double precision at once; one at least."""
    step = max(1, _AT_ONCE // logits.shape[1])
    return [slice(at, at + step) for at in range(0, max(1, len(logits)), step)]


def log_softmax(logits: Logits) -> NDArray[np.float64]:
    """Log-probabilities in nats for logits, (positions, vocabulary), over the whole vocabulary.

    Computed in float64. All of a position are NaN where one of its logits is NaN or plus infinity.
    """
    values = logits.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        values -= values.max(axis=1, keepdims=True)
        values -= np.log(np.exp(values).sum(axis=1, keepdims=True))
    return values


def log_likelihoods(
    first: Logits, rest: Callable[[Tokens], Logits], continuations: Sequence[Tokens]
) -> tuple[float, ...]:
    """Sum of the log-probabilities in nats of each continuation's tokens.

    `first`, (1, vocabulary), predicts the first token of each. `rest` is called with a continuation
    of more than one token and gives what predicts its others, (tokens - 1, vocabulary). Minus
    infinity where a sum is not a number. Raises ValueError for tokens or rows that are not there.
    """
    [begun] = log_softmax(first)
    unknown = {token for ids in continuations for token in ids if not 0 <= token < len(begun)}
    if unknown:
        raise ValueError(f"there is no token {min(unknown)} among {len(begun):,}")
    return tuple(
        _number(begun[ids[0]] + (_sum(rest(ids), ids[1:]) if len(ids) > 1 else 0.0))
        for ids in continuations
    )


def _sum(logits: Logits, tokens: Tokens) -> float:
    if len(logits) != len(tokens):
        raise ValueError(f"the model gave the logits of {len(logits)} tokens, of {len(tokens)}")
    return float(log_softmax(logits)[np.arange(len(tokens)), list(tokens)].sum())


def _number(value: float) -> float:
    return -math.inf if math.isnan(value) else float(value)
