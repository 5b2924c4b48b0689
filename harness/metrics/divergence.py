"""How far a variant's next-token distributions are from the reference's."""

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]


def token_divergence(reference: Logits, candidate: Logits) -> NDArray[np.float64]:
    """KLD(reference || candidate) in nats for every position (Kullback and Leibler 1951).

    Both are (positions, vocabulary). Computed in float64 from log-softmax over the whole
    vocabulary; rounding below zero is cut off. Positions where either has a value that is not
    finite give NaN.
    """
    log_p, log_q = _log_softmax(reference), _log_softmax(candidate)
    with np.errstate(invalid="ignore"):
        divergence: NDArray[np.float64] = (np.exp(log_p) * (log_p - log_q)).sum(axis=1)
    return np.maximum(divergence, 0.0)


def top1_agreement(reference: Logits, candidate: Logits) -> NDArray[np.float64]:
    """1 for every position where both put the same token first, else 0; shaped as above."""
    same: NDArray[np.bool_] = reference.argmax(axis=1) == candidate.argmax(axis=1)
    return same.astype(np.float64)


def non_finite_positions(logits: Logits) -> int:
    """How many positions have a logit that is NaN or infinite."""
    return int((~np.isfinite(logits).all(axis=1)).sum())


def _log_softmax(logits: Logits) -> NDArray[np.float64]:
    values = logits.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        values -= values.max(axis=1, keepdims=True)
        values -= np.log(np.exp(values).sum(axis=1, keepdims=True))
    return values
