"""How far a variant's next-token distributions are from the reference's."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.metrics.likelihood import in_parts, log_softmax

Logits = NDArray[np.float32]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate's distributions beside the reference's, position by position.

    `kld` is in nats, `top1` 1 where both put the same token first. `log_p` and `reference_log_p`
    are what each gives the token that comes, in nats. `non_finite` counts the candidate's positions
    that have a NaN or infinite logit; where either has one, the other fields have no value.
    """

    kld: Values
    top1: Values
    log_p: Values
    reference_log_p: Values
    non_finite: int


def compare(reference: Logits, candidate: Logits, tokens: Sequence[int]) -> Comparison:
    """Compare logits, (positions, vocabulary), position by position.

    `tokens` are those that come at the first positions, all of them or fewer: what is expected
    after a text has a divergence but no token. Double precision over the whole vocabulary, a few
    positions at a time.
    """
    parts = [_compare(reference[it], candidate[it], tokens[it]) for it in in_parts(reference)]
    kld, top1, log_p, reference_log_p = map(np.concatenate, zip(*parts, strict=True))
    return Comparison(kld, top1, log_p, reference_log_p, non_finite_positions(candidate))


def _compare(
    reference: Logits, candidate: Logits, tokens: Sequence[int]
) -> tuple[Values, Values, Values, Values]:
    finite = _finite(reference) & _finite(candidate)
    coming = np.array(tokens, np.int64)[finite[: len(tokens)]]
    reference, candidate = reference[finite], candidate[finite]
    log_p, log_q = log_softmax(reference), log_softmax(candidate)
    rows = np.arange(len(coming))
    kld = _divergence(log_p, log_q)
    return kld, top1_agreement(reference, candidate), log_q[rows, coming], log_p[rows, coming]


@dataclass(frozen=True, slots=True)
class Excess:
    """What a candidate and its control lost at the same positions, index by index.

    `root_kld` is the root of the divergence: a distance (total variation is at most that over the
    root of 2, Pinsker 1964), whose mean a few positions do not decide as they do that of the
    divergence. `top1_points` is 100 where the control alone puts the reference's token first, -100
    where the candidate alone does, else 0. Likelihoods, in nats, are of the tokens that come;
    `labels` name the passage of each position, `token_labels` that of each token.
    """

    root_kld: tuple[float, ...] = ()
    control_root_kld: tuple[float, ...] = ()
    top1_points: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    log_p: tuple[float, ...] = ()
    control_log_p: tuple[float, ...] = ()
    token_labels: tuple[str, ...] = ()


def excess(candidate: Mapping[str, Comparison], control: Mapping[str, Comparison]) -> Excess:
    """Both on the same passages; those are left out where either has a logit that is not finite
    (positions could not be told apart), which is a finding of its own.
    """
    pairs = [
        (label, mine, control[label])
        for label, mine in candidate.items()
        if not mine.non_finite and not control[label].non_finite
    ]

    def joined(parts: Sequence[Values]) -> tuple[float, ...]:
        return tuple(np.concatenate(parts).tolist()) if parts else ()

    return Excess(
        root_kld=joined([np.sqrt(mine.kld) for _, mine, _ in pairs]),
        control_root_kld=joined([np.sqrt(its.kld) for _, _, its in pairs]),
        top1_points=joined([100 * (its.top1 - mine.top1) for _, mine, its in pairs]),
        labels=tuple(label for label, mine, _ in pairs for _ in mine.kld),
        log_p=joined([mine.log_p for _, mine, _ in pairs]),
        control_log_p=joined([its.log_p for _, _, its in pairs]),
        token_labels=tuple(label for label, mine, _ in pairs for _ in mine.log_p),
    )


def token_divergence(reference: Logits, candidate: Logits) -> Values:
    """KLD(reference || candidate) in nats for every position (Kullback and Leibler 1951).

    Both are (positions, vocabulary). Computed in float64 from log-softmax over the whole
    vocabulary; rounding below zero is cut off. Positions where either has a value that is not
    finite give NaN.
    """
    return _divergence(log_softmax(reference), log_softmax(candidate))


def top1_agreement(reference: Logits, candidate: Logits) -> Values:
    """1 for every position where both put the same token first, else 0; shaped as above."""
    same: NDArray[np.bool_] = reference.argmax(axis=1) == candidate.argmax(axis=1)
    return same.astype(np.float64)


def shortfall(logits: Logits, choices: Sequence[Sequence[int]]) -> Values:
    """How much likelier than the best of some tokens the likeliest is, in nats, by position.

    0 where greedy decoding would take one of them. Logits are (positions, vocabulary) with some
    choices for each position; NaN where one of them is NaN.
    """
    best = [
        float(row.max() - row[list(some)].max()) for row, some in zip(logits, choices, strict=True)
    ]
    return np.array(best, np.float64)


def first_difference(tokens: Sequence[int], references: Sequence[int]) -> int | None:
    """The number of the first token, from 1, that is another or missing; None where none is."""
    if list(tokens) == list(references):
        return None
    pairs = zip(tokens, references, strict=False)
    return 1 + sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def non_finite_positions(logits: Logits) -> int:
    """How many positions have a logit that is NaN or infinite."""
    return int((~_finite(logits)).sum())


def _finite(logits: Logits) -> NDArray[np.bool_]:
    finite = np.isfinite(logits).all(axis=1)
    return np.asarray(finite, np.bool_)


def _divergence(log_p: Values, log_q: Values) -> Values:
    with np.errstate(invalid="ignore"):
        divergence: Values = (np.exp(log_p) * (log_p - log_q)).sum(axis=1)
    return np.maximum(divergence, 0.0)
