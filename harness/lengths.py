"""What a session asks at long lengths: the ladder and long chats of every variant, long prompts of
the source.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from harness import climb
from harness.answer import Messages
from harness.bench import Bench
from harness.climb import Climb, Timings
from harness.conditions import disturbance
from harness.forcing import Passage
from harness.generation import NEW_TOKENS, Recital, recite
from harness.long_chat import long_chats, one_text
from harness.metrics.divergence import Logits
from harness.probes.host import capture_conditions
from harness.source_cache import kept_remark
from harness.source_lengths import SourceLengths, ask_lengths, passages_of


def climbed(bench: Bench) -> Climb:
    """The session's variants up the ladder of prompt lengths, climbed once a session.

    Raises what kept this variant, or else the reference, from getting to the end.
    """
    name = bench.variant.name
    known = [it for it in bench.climbs if name in it.route.rungs]
    found = known[0] if known else _climb(bench)
    found.require(name)
    return found


def _climb(bench: Bench) -> Climb:
    def take() -> Climb:
        return climb.climb(bench.fleet, bench.route(), bench.random, bench.together_at_once)

    found, why = bench.undisturbed(take, "and others")
    bench.climbs.append(replace(found, disturbance=why))
    return bench.climbs[-1]


def climbed_again(bench: Bench, lengths: Sequence[int], turn: int) -> Timings:
    """Some of the lengths once more, this variant beside the reference alone."""
    name = bench.variant.name
    return climb.climb_again(bench.fleet, bench.route(), name, lengths, bench.random, turn)


def seconds_again(bench: Bench, known: Climb, lengths: Sequence[int]) -> float:
    """What these lengths will take once more, of this variant beside the reference."""
    found = 0.0
    for length in lengths:
        taken = [times for it, times in known.timings if it == length and bench.reference in times]
        whole = {
            name: median(times[name].whole_ms for times in taken if name in times) / 1e3
            for name in (bench.variant.name, bench.reference)
            if any(name in times for times in taken)
        }
        often = min(climb.times_again(length), climb.most_again(whole.get(bench.reference, 0.0)))
        found += often * sum(whole.values())
    return found


def short_again(bench: Bench, turn: int) -> tuple[Timings, Timings]:
    """The shortest prompts once more before and after as many as the climb asked, as above; none
    where something disturbed them, or a budget has no time for them.
    """
    known, start, name = climbed(bench), capture_conditions(), bench.variant.name
    between = [length for length, _ in (*known.deviations, *known.timings)]
    if not bench.has_time(_seconds(known, between, (name, bench.reference))):
        return [], []
    taken = climb.short_again(bench.fleet, bench.route(), name, bench.random, turn, between)
    why = disturbance(start, capture_conditions(), bench.plan.disturbed_share)
    if not why:
        return taken
    bench.remark(f"scaling of {name} once more after long prompts was disturbed: {why}")
    return [], []


def _seconds(known: Climb, between: Sequence[int], names: Sequence[str]) -> float:
    """What prompts of these lengths took."""
    taken = {
        length: sum(times[it].whole_ms for it in names if it in times) / 1e3
        for length, times in known.timings
    }
    return sum(taken.get(length, 0.0) for length in between)


def _ends(bench: Bench) -> Mapping[int, Logits]:
    """The reference's logits at the ends of the ladder's prompts, by their lengths in tokens; empty
    where none were read.
    """
    texts = bench.route().texts
    return next((it.ends for it in bench.climbs if it.route.texts == texts), {})


def recitals(bench: Bench) -> tuple[tuple[Recital, Recital], ...]:
    """What the variant generates after long chats, each beside the reference's."""
    fleet, rungs = bench.fleet, bench.route().rungs
    ask_reference(bench)
    if bench.variant.name == bench.reference:
        return tuple((it, it) for _, it in bench.recited)
    room = max(rungs[bench.variant.name], default=0)
    fitting = [it for it in bench.recited if it[0].tokens + NEW_TOKENS <= room]
    theirs = [it for _, it in fitting]
    mine = recite(fleet, bench.variant.name, [it for it, _ in fitting], theirs)
    return tuple(zip(mine, theirs, strict=True))


def ask_reference(bench: Bench) -> None:
    """Have the reference generate after long chats, where it has not in this session."""
    fleet, rungs = bench.fleet, bench.route().rungs

    def tokens_of(chat: Messages) -> int:
        asked = chat if bench.is_chat else one_text(chat)
        return len(fleet.encode(bench.reference, fleet.render(bench.reference, [asked]))[0])

    if not bench.recited:
        chats = long_chats(bench.items, rungs[bench.reference], tokens_of)
        chats = chats if bench.is_chat else tuple(it.as_text for it in chats)
        bench.recited.extend(zip(chats, recite(fleet, bench.reference, chats), strict=True))


def source_lengths(bench: Bench) -> SourceLengths:
    """How far the reference's logits are from the source's at each length.

    Raises InfrastructureError where it cannot be asked; the release must have a source.
    """
    plan, route = bench.plan, bench.route()
    assert bench.source is not None
    most, longest = plan.source_longest_tokens, max(route.rungs[bench.reference], default=0)
    found = _kept_or_asked(bench, bench.source, passages_of(route, most))
    if found.kept_from:
        bench.remark(kept_remark("at the ladder's lengths", found.kept_from))
    if 0 < most < longest:
        bench.remark(
            f"The source was compared up to {most:,} tokens, where the policy's plan ends that "
            f"(source_longest_tokens); the ladder goes to {longest:,}"
        )
    return found


def _kept_or_asked(bench: Bench, source: Path, asked: Sequence[Passage]) -> SourceLengths:
    ends, cache = _ends(bench), bench.source_cache

    def ask() -> SourceLengths:
        return ask_lengths(source, bench.fleet, bench.reference, asked, ends)

    return ask() if cache is None else cache.lengths(source, asked, ends, ask)
