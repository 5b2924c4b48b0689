"""Takes the variants of a session up a ladder of prompt lengths: times and logits at every rung."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.answer import Answer, Request
from harness.errors import HarnessError, RequestError
from harness.fleet import Fleet
from harness.metrics.divergence import Logits, non_finite_positions
from harness.metrics.latency import first_token_ms, gaps_ms, whole_ms
from harness.metrics.scaling import Deviation, deviation
from harness.rounds import Rounds
from harness.route import NEW_TOKENS, Route

AGAIN = 10  # repetitions of a length that is suspected of a cliff, and of those before it
SLOW_SECONDS = 0.1  # a reference's answer that takes longer is timed so often again and no more:
DEAR_SECONDS = 2.0  # one that takes still longer evens out its own noise: it is timed so often
DEAR_FIRST = 2  # at first, for all such lengths share their spread,
DEAR_AGAIN = 4  # and so often again
END_TOKENS = 8  # of each prompt whose logits are kept, for the source to be compared with
WINDOW_TOKENS = 128  # at the end of a text: its logits are compared, whatever the prompt's length
_LEAST_CONTEXT_TOKENS = 8  # before the first of them
_CHEAPER = 4  # times as often are they timed again
CHEAP_TOKENS = 257  # prompts up to here cost little, vary much, and are timed twice as often
WARMUPS = 3
SHORT = 20  # of the shortest prompts before all long ones, and after them


@dataclass(frozen=True, slots=True)
class Timing:
    """Time to first token, median time between tokens and time of the whole answer, in ms."""

    first_ms: float
    between_ms: float
    whole_ms: float


Draw = Callable[[str], np.random.Generator]
"""Gives a generator for a purpose."""

Timings = list[tuple[int, dict[str, Timing]]]
"""A prompt's length in tokens and the variants' times, by name, in the order taken."""


@dataclass(frozen=True, slots=True)
class Climb:
    """What was found, by variant; `errors` holds why one did not get to the end.

    `before` and `after` all other prompts are the times of the shortest. `deviations` from the
    reference, and the numbers of positions with logits that are not finite, are by length,
    ascending, and within it of the same positions of the texts in the same order. `ends` are the
    reference's logits at the last positions of the first text, by the prompt's length.
    `disturbance` says what disturbed the machine all along.
    """

    route: Route
    errors: dict[str, HarnessError]
    before: Timings = field(default_factory=list)
    after: Timings = field(default_factory=list)
    timings: Timings = field(default_factory=list)
    deviations: list[tuple[int, dict[str, Deviation]]] = field(default_factory=list)
    non_finite: list[dict[str, int]] = field(default_factory=list)
    ends: dict[int, Logits] = field(default_factory=dict)
    disturbance: str = ""

    def require(self, name: str) -> None:
        """Raise what kept a variant, or else the reference, from getting to the end."""
        _raise_first(self.errors, (name, self.route.reference))


def climb(fleet: Fleet, route: Route, random: Draw, at_once: int = 1) -> Climb:
    """Up the ladder in new processes: first for the logits, so that what fails is seen where it
    begins, of so many variants `at_once`; then for the times, in random order; the shortest prompts
    before all that and after it.
    """
    rounds = _rounds(fleet, route, copy=1, random=random("order of rounds"))
    found = Climb(route, rounds.errors)
    rungs = route.rungs[route.reference]
    if not rungs:
        return found
    short = [rungs[0]] * SHORT
    try:
        _time(rounds, route, [rungs[0]] * WARMUPS)
        found.before.extend(_time(rounds, route, short))
        for length in rungs:
            _compare(rounds, length, found, at_once)
        found.timings.extend(_every(rounds, route, random("rungs")))
        found.after.extend(_time(rounds, route, short))
    finally:
        for name in route.rungs:
            fleet.end_copies(name)
    return found


def climb_again(
    fleet: Fleet, route: Route, name: str, lengths: Sequence[int], random: Draw, turn: int = 0
) -> Timings:
    """Fresh times of some lengths in random order, of one variant beside the reference.

    Each turn is taken in processes of its own, and what takes long is timed less often. Raises what
    kept either of them from the end.
    """
    asked = [length for length in lengths for _ in range(times_again(length))]
    random(f"rungs again, {name} {turn}").shuffle(asked)
    with _pair(fleet, route, name, turn, random) as time:
        return time(asked, is_again=True)


def times_first(length: int, seconds: float, planned: int) -> int:
    """How often a length that takes the reference so long is timed at first."""
    times = planned * (2 if length <= CHEAP_TOKENS else 1)
    return min(times, DEAR_FIRST) if seconds > DEAR_SECONDS else times


def times_again(length: int) -> int:
    """How often a length is timed again in one turn: what is short is cheap, and noisiest."""
    return AGAIN * (_CHEAPER if length <= CHEAP_TOKENS else 1)


def most_again(seconds: float) -> float:
    """How often a length is timed again at most that takes the reference so long."""
    if seconds > DEAR_SECONDS:
        return DEAR_AGAIN
    return AGAIN if seconds > SLOW_SECONDS else math.inf


def short_again(
    fleet: Fleet, route: Route, name: str, random: Draw, turn: int, between: Sequence[int]
) -> tuple[Timings, Timings]:
    """Fresh times of the shortest prompts before those of the lengths `between`, and after them; as
    above. What some long prompts do to a process, fewer of them may not.
    """
    rungs = route.rungs[name]
    with _pair(fleet, route, name, turn, random) as time:
        before = time([rungs[0]] * SHORT)
        time([length for length in between if length in rungs])
        return before, time([rungs[0]] * SHORT)


@contextlib.contextmanager
def _pair(
    fleet: Fleet, route: Route, name: str, turn: int, random: Draw
) -> Iterator[Callable[..., Timings]]:
    """Times prompts of some lengths, in new processes that are warm: their copies have a number."""
    names = (name, route.reference)
    purpose = f"order of rounds again, {name} {turn}"
    rounds = _rounds(fleet, route, copy=2 + turn, random=random(purpose))

    def time(lengths: Sequence[int], is_again: bool = False) -> Timings:
        taken = _time(rounds, route, lengths, names, is_again)
        _raise_first(rounds.errors, names)
        return taken

    try:
        time([route.rungs[route.reference][0]] * WARMUPS)
        yield time
    finally:
        for each in names:
            fleet.end_copies(each)


def _rounds(fleet: Fleet, route: Route, copy: int, random: np.random.Generator) -> Rounds:
    return Rounds(
        lambda name, request: fleet.ask(name, [request], copy)[0],
        route.reference,
        random,
        fleet.abort,
    )


def _raise_first(errors: Mapping[str, HarnessError], names: Sequence[str]) -> None:
    for name in names:
        if name in errors:
            raise errors[name]


def _time(
    rounds: Rounds,
    route: Route,
    lengths: Sequence[int],
    names: Sequence[str] = (),
    is_again: bool = False,
    begin: int = 0,
) -> Timings:
    """Times of prompts of these lengths, of `names` or all on the route whose ladder has them.

    No two prompts in a row begin alike: a runtime may keep what it has seen. Their numbers start at
    `begin`.
    """
    taken: Timings = []
    for number, length in enumerate(lengths, start=begin):
        if is_again and _is_enough(taken, length, route.reference):
            continue
        prompt = _shifted(route.texts, number, length)
        request = Request(token_ids=prompt, max_new_tokens=NEW_TOKENS, stop_at_end=False)
        taken.append((length, rounds.take(request, names or route.names(length), _timing)))
    return taken


def _is_enough(taken: Timings, length: int, reference: str) -> bool:
    """Whether a length that takes long was timed as often as it is to be."""
    whole = [times[reference].whole_ms for it, times in taken if it == length and times]
    return bool(whole) and len(whole) >= most_again(float(np.median(whole)) / 1e3)


def _every(rounds: Rounds, route: Route, random: np.random.Generator) -> Timings:
    """Every length once, then as often more as it is timed; each in random order, with one of the
    longest last.
    """
    rungs = route.rungs[route.reference]
    taken = _time(rounds, route, _longest_last(rungs, random))
    seconds = {it: times[route.reference].whole_ms / 1e3 for it, times in taken if times}
    more = [
        length
        for length in rungs
        for _ in range(times_first(length, seconds.get(length, 0.0), route.repetitions) - 1)
    ]
    return [*taken, *_time(rounds, route, _longest_last(more, random), begin=len(taken))]


def _longest_last(lengths: Sequence[int], random: np.random.Generator) -> list[int]:
    ascending = sorted(lengths)
    first = ascending[:-1]
    random.shuffle(first)
    return [*first, *ascending[-1:]]


def _shifted(texts: Sequence[tuple[int, ...]], number: int, length: int) -> tuple[int, ...]:
    text = texts[number % len(texts)]
    start = number // len(texts) % (len(text) - length + 1)
    return text[start : start + length]


def _windows(
    texts: Sequence[tuple[int, ...]], length: int
) -> Iterator[tuple[tuple[int, ...], int]]:
    """Prompts of one length, and from where on to score, that cover the window of every text.

    The window is the same tokens at every length; a prompt too short for it covers a part.
    """
    most = min(WINDOW_TOKENS, length - _LEAST_CONTEXT_TOKENS)
    for text in texts:
        for start in range(len(text) - WINDOW_TOKENS, len(text), most):
            end = min(start + most, len(text))
            yield text[end - length : end], length - (end - start)


def _timing(answer: Answer) -> Timing:
    if len(answer.token_ns) < 2:
        raise RequestError(f"gave {len(answer.token_ns)} new tokens, which cannot be timed")
    [first], [gaps], [whole] = first_token_ms([answer]), gaps_ms([answer]), whole_ms([answer])
    return Timing(first, float(np.median(gaps)), whole)


def _logits(answer: Answer) -> Logits:
    if answer.logits is None:
        raise RequestError("gave no logits of a prompt that it was to score")
    return answer.logits


def _compare(rounds: Rounds, length: int, found: Climb, at_once: int) -> None:
    """Put in what the logits of one length show."""
    route = found.route
    for prompt, score_from in _windows(route.texts, length):
        request = Request(token_ids=prompt, score_from=score_from, fresh=False)
        logits = rounds.take(request, route.names(length), _logits, at_once)
        if logits and prompt == route.texts[0][-length:]:
            found.ends[length] = logits[route.reference][-END_TOKENS:].copy()
        found.non_finite.append({name: non_finite_positions(it) for name, it in logits.items()})
        apart: dict[str, Deviation] = {}
        for name, mine in logits.items():
            theirs = logits[route.reference]
            if mine.shape == theirs.shape:
                apart[name] = deviation(theirs, mine)
            else:
                rounds.drop(name, f"gave logits {mine.shape}, the reference {theirs.shape}")
        found.deviations.append((length, apart))
