"""What longer prompts cost, and whether the model stays itself on them, beside the reference."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from harness.bench import Bench
from harness.climb import Climb, Timing
from harness.errors import InfrastructureError
from harness.generation import Recital
from harness.interim import undecided_rules
from harness.lengths import (
    ask_reference,
    climbed,
    climbed_again,
    recitals,
    seconds_again,
    short_again,
    source_lengths,
)
from harness.long_chat import BEGINNING
from harness.measurement import Measurement
from harness.metrics.recital import LEAST_CHANGE
from harness.metrics.scaling import SHORTEST, Deviation, joined
from harness.plugins.measure import Record
from harness.route import NEW_TOKENS
from harness.stats.cliffs import DECODE_TOLERANCE, TOLERANCE, suspects
from harness.stats.rungs import named, rung_label
from harness.stats.scaling import AFTER, BEFORE

Pairs = Sequence[tuple[Recital, Recital]]
"""What came after each chat, and what came of it in the reference."""

Labelled = list[tuple[str, Mapping[str, Timing], str]]
"""Times by variant, with their label before them and the process pair that they are of after."""

_FIRST = "0"
_OF_LENGTH = {"scaling.ttft", "scaling.itl"}

TIMES: dict[str, Callable[[Timing], float]] = {
    "ttft": lambda it: it.first_ms,
    "itl": lambda it: it.between_ms,
}


def test_scaling(bench: Bench, record: Record) -> None:
    """TTFT, ITL and logits up a ladder of lengths, and the shortest prompts before and after."""
    climb = climbed(bench)
    if not climb.route.rungs[bench.variant.name]:
        pytest.skip(
            f"a context of {bench.context_tokens:,} tokens does not hold the shortest prompt, "
            f"{SHORTEST} tokens, and {NEW_TOKENS} new ones"
        )
    measured = _measured_on(bench, climb)
    record(
        *(replace(it, disturbance=climb.disturbance) for it in measured),
        *_logits(bench, climb),
    )


def test_generation(bench: Bench, record: Record) -> None:
    """What comes after long chats, step by step, beside its own prefill, and what of it matters."""
    ask_reference(bench)
    pairs = bench.together("generation", recitals)
    if not pairs:
        pytest.skip(
            f"a context of {bench.context_tokens:,} tokens, or the domain, holds no long chat"
        )
    record(*_generated(bench, pairs), *_heeded(bench, pairs))


def test_source(bench: Bench, record: Record) -> None:
    """The reference beside the source at every length, so that no fault of both is the norm.

    Lengths that the source could not be asked leave it undecided, and what was seen may still fail.
    """
    if bench.source is None:
        record(bench.absent("source_logits", bench.no_source))
    elif bench.variant.name != bench.reference:
        why = "the reference alone is compared with the source"
        record(bench.absent("source_logits", why))
    else:
        found = source_lengths(bench)
        distances = found.distances
        labels = [named(length) for length in distances]
        record(
            bench.sample("source_logits", "of their spread", [*distances.values()], labels=labels)
        )
        if found.left_out:
            raise InfrastructureError(found.left_out)


def _generated(bench: Bench, pairs: Pairs) -> list[Measurement]:
    known = [(mine, mine.decoded, its) for mine, its in pairs if mine.decoded and its.changed]
    labels = [named(mine.tokens) for mine, _, _ in known]
    units = [max(its.changed[BEGINNING], LEAST_CHANGE) for _, _, its in known]
    distances = [it.distance / unit for (_, it, _), unit in zip(known, units, strict=True)]
    shortfalls = [it.shortfall / unit for (_, it, _), unit in zip(known, units, strict=True)]
    found = [
        bench.sample("generated_non_finite", "count", [mine.non_finite for mine, _ in pairs]),
        bench.sample("decode", "ratio", distances, labels=labels),
        bench.sample("generated", "ratio", shortfalls, labels=labels),
    ]
    beside = [(named(it.tokens), it.beside) for it, _ in pairs if it.beside]
    if bench.variant.name == bench.reference:
        return found
    labels = [label for label, it in beside for _ in it.kld]
    return [
        *found,
        bench.sample(
            "decode_kld", "nats/token", [v for _, it in beside for v in it.kld], labels=labels
        ),
        bench.sample(
            "decode_top1", "share", [v for _, it in beside for v in it.top1], labels=labels
        ),
    ]


def _heeded(bench: Bench, pairs: Pairs) -> list[Measurement]:
    """What another fact in each place changes, and how much that is of what the reference makes."""
    known = [
        (f"the {place} of {named(mine.tokens)}", mine.changed[place], its.changed.get(place, 0.0))
        for mine, its in pairs
        for place in mine.changed
    ]
    labels = [label for label, _, _ in known]
    heeded = bench.sample(
        "heeded", "of their spread", [mine for _, mine, _ in known], labels=labels
    )
    if bench.variant.name == bench.reference:
        return [heeded]
    ratios = [change / max(its, LEAST_CHANGE) for _, change, its in known]
    return [heeded, bench.sample("heeded_beside", "ratio", ratios, labels=labels)]


def _measured_on(bench: Bench, climb: Climb) -> list[Measurement]:
    """Times by length, and of the shortest prompts before and after long ones.

    Lengths that are suspected of a cliff are measured again, and what leaves a guard in doubt as
    long as it does, each time in new processes, within the plan.
    """
    taken: Labelled = [(rung_label(length), times, _FIRST) for length, times in climb.timings]
    short: Labelled = [(BEFORE, times, _FIRST) for _, times in climb.before]
    short += [(AFTER, times, _FIRST) for _, times in climb.after]
    found = _times(bench, taken, short)
    is_alone, rungs = bench.variant.name == bench.reference, climb.route.rungs[bench.variant.name]
    for turn in range(0 if is_alone or climb.disturbance else bench.plan.scaling_turns):
        doubtful = _doubtful(bench, found, turn)
        if not doubtful:
            break
        lengths = _suspected(found, doubtful)
        curve = [] if lengths or not doubtful & _OF_LENGTH else [*rungs]
        if not bench.has_time(seconds_again(bench, climb, lengths or curve)):
            break
        taken += _again(bench, lengths, turn, is_again=True) + _again(bench, curve, turn)
        if "scaling.short" in doubtful:
            before, after = short_again(bench, turn)
            short += [(BEFORE, times, str(turn + 1)) for _, times in before]
            short += [(AFTER, times, str(turn + 1)) for _, times in after]
        found = _times(bench, taken, short)
    return found


def _doubtful(bench: Bench, found: Sequence[Measurement], turn: int) -> set[str]:
    """Metrics that are to be measured again: all with a suspect at first, then by their rules."""
    in_doubt = undecided_rules(bench, found) if bench.rules else set()
    by_rule = {it.metric for it in bench.rules if it.id in in_doubt}
    return by_rule | {it.metric for it in found[:2] if turn == 0 and _suspects(it)}


def _suspected(found: Sequence[Measurement], doubtful: Collection[str]) -> list[int]:
    """The lengths that may be a cliff of what is in doubt."""
    return sorted({it for one in found[:2] if one.metric in doubtful for it in _suspects(one)})


def _again(bench: Bench, lengths: Sequence[int], turn: int, is_again: bool = False) -> Labelled:
    """Times of these lengths once more, with the turn as their process pair."""
    taken = climbed_again(bench, lengths, turn) if lengths else []
    return [(rung_label(length, is_again), times, str(turn + 1)) for length, times in taken]


def _times(bench: Bench, taken: Labelled, short: Labelled) -> list[Measurement]:
    found = [_timed(bench, what, read, taken) for what, read in TIMES.items()]
    return [*found, _timed(bench, "short", lambda it: it.whole_ms, short)]


def _suspects(it: Measurement) -> tuple[int, ...]:
    if not it.reference_values:
        return ()
    tolerance = TOLERANCE if it.metric == "scaling.ttft" else DECODE_TOLERANCE
    return suspects(it.values, it.reference_values, it.labels, tolerance)


def _timed(
    bench: Bench, what: str, read: Callable[[Timing], float], taken: Labelled
) -> Measurement:
    """What is read of the variant's times and, unless it is the reference, of the reference's."""
    mine = bench.variant.name
    theirs = "" if mine == bench.reference else bench.reference
    own = [(label, times, pair) for label, times, pair in taken if mine in times]
    found = bench.sample(
        what,
        "ms",
        [read(times[mine]) for _, times, _ in own],
        [read(times[theirs]) for _, times, _ in own if theirs],
        [label for label, _, _ in own],
    )
    return replace(found, clusters=tuple(pair for _, _, pair in own))


def _logits(bench: Bench, climb: Climb) -> list[Measurement]:
    """How far the logits are from the reference's, at positions that are finite at every length."""
    name = bench.variant.name
    broken = [counts[name] for counts in climb.non_finite if name in counts]
    finite = bench.sample("non_finite", "count", broken)
    if name == bench.reference:
        return [finite]
    parts: dict[int, list[Deviation]] = {}
    for length, apart in climb.deviations:
        if name in apart:
            parts.setdefault(length, []).append(apart[name])
    table = {length: joined(found) for length, found in parts.items()}
    known = np.all([np.isfinite(it.kld) for it in table.values()], axis=0)
    labels = [rung_label(length) for length in table for _ in range(int(known.sum()))]
    kld, top1, error, spread = (
        [float(value) for it in table.values() for value in getattr(it, what)[known]]
        for what in ("kld", "top1", "error", "spread")
    )
    return [
        finite,
        bench.sample("kld", "nats/token", kld, labels=labels),
        bench.sample("top1", "share", top1, labels=labels),
        bench.sample("logit_error", "logits", error, spread, labels),
    ]
