"""The source checkpoint beside the reference at long lengths, where short answers show nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.climb import END_TOKENS
from harness.errors import CrashError, HangError, InfrastructureError, ModelError
from harness.fleet import Fleet
from harness.forcing import Passage, read
from harness.metrics.divergence import Logits
from harness.metrics.scaling import deviation
from harness.release import TRANSFORMERS
from harness.route import Route
from harness.runtimes.isolated import Isolated

_LEAST_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class SourceLengths:
    """By length in tokens: the mean distance of the reference's logits from the source's, over how
    far these lie from their middle. `left_out` says which lengths were not asked, and why,
    `kept_from` when an earlier session asked, where this one did not.
    """

    distances: dict[int, float]
    left_out: str = ""
    kept_from: str = ""


def passages_of(route: Route, most: int) -> list[Passage]:
    """The end of each prompt of the reference's ladder, up to `most` tokens; 0 for all of them."""
    lengths = [it for it in route.rungs[route.reference] if not most or it <= most]
    text = route.texts[0] if route.texts else ()
    return [Passage(str(it), text[len(text) - it :], it - END_TOKENS) for it in lengths]


def ask_lengths(
    directory: Path,
    fleet: Fleet,
    reference: str,
    asked: Sequence[Passage],
    known: Mapping[int, Logits] | None = None,
) -> SourceLengths:
    """Have the source read these prompts in a process of its own, which is ended at once.

    `known` are the reference's logits of those that it has read before, by length in tokens.

    Raises InfrastructureError where it cannot be asked at all.
    """
    patience = fleet.patience.at_least(_LEAST_SECONDS)
    with Isolated(TRANSFORMERS, directory, patience=patience, label="the source") as source:
        try:
            return compare_lengths(source, fleet, reference, asked, known or {})
        except ModelError as error:
            if error.variant:
                raise
            raise InfrastructureError(f"it cannot be compared with the source: {error}") from error


def compare_lengths(
    source: Isolated,
    fleet: Fleet,
    reference: str,
    asked: Sequence[Passage],
    known: Mapping[int, Logits],
) -> SourceLengths:
    """Have both read the same prompts, shortest first; what the source refuses, does not end in
    time or has no memory for ends the ladder.

    Raises what a source that cannot be loaded raises.
    """
    source.ready()
    found: dict[int, float] = {}
    for passage in asked:
        theirs, why = _read(source, passage)
        if theirs is None:
            return SourceLengths(found, _left_out(asked, passage, why))
        length = len(passage.token_ids)
        mine = known.get(length)
        if mine is None or len(mine) != passage.positions:
            mine = read(fleet, reference, passage)
        found[length] = _distance(theirs, mine, reference)
    return SourceLengths(found)


def _read(source: Isolated, passage: Passage) -> tuple[Logits | None, str]:
    try:
        [answer] = source.run([passage.request])
    except (CrashError, HangError, InfrastructureError) as error:
        return None, str(error)
    return answer.logits, answer.error


def _left_out(asked: Sequence[Passage], first: Passage, why: str) -> str:
    longest = len(asked[-1].token_ids)
    return (
        f"the source was not compared at {len(first.token_ids):,} to {longest:,} tokens, for it "
        f"did not read the first of these prompts ({why}): where that is accepted, the policy's "
        "plan can end it before with source_longest_tokens"
    )


def _distance(theirs: Logits, mine: Logits, reference: str) -> float:
    if theirs.shape != mine.shape:
        raise InfrastructureError(
            f"the source gave logits {theirs.shape}, {reference} {mine.shape}: build it from this "
            "checkpoint"
        )
    apart = deviation(theirs, mine)
    distance = float(np.mean(apart.error / apart.spread))
    return distance if np.isfinite(distance) else 1e9
