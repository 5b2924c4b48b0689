"""The leak protocol: identical cycles of one kind of request, longer where growth is in doubt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.answer import Request
from harness.errors import InfrastructureError, ModelError, RequestError
from harness.item import Item
from harness.policy import Plan, Rule
from harness.probes.memory import Memory, available_bytes
from harness.release import Precision
from harness.runtimes.channel import Cycles
from harness.runtimes.isolated import Isolated
from harness.statistic import Statistic
from harness.stats.intervals import Estimate
from harness.stats.trend import LEAST_LEVELS, growth_interval, shared_confidence

_ALLOWED_SHARE = 0.5  # of what is free, for all that soak at the same time
REQUESTS = 20
_TELLING = 3  # cycles, before which what an engine keeps is no growth
_LONGEST = 4
DEAR_REQUESTS = 10  # each makes room for a whole context before it is refused
LONG_REQUESTS = 8
LONG_CHARACTERS = (500, 1000)  # in turn; of a leak by the longer alone half is seen
TOKENS_PER_CHARACTER = 4  # at most, in any script
NEW_TOKENS = 8
PEAK_CYCLES = 3  # of what is soaked for its peak alone: the first has the longest chats
ROOM_TOKENS = 64


class Kind(StrEnum):
    """What the requests of a cycle have in common; the text is what a finding names."""

    TOKENIZED = "tokenizing alone"
    ANSWERED = "plain answers"
    STOPPED = "answers cut short"
    REFUSED = "refused requests"
    LONG = "long prompts"


class Counter(StrEnum):
    """What a leak shows in."""

    PRIVATE = "private"
    HEAP = "heap"


@dataclass(frozen=True, slots=True)
class Bound:
    """Growth in KiB per request of one counter that a policy allows, at its confidence."""

    counter: Counter
    limit: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Soak:
    """What cycles of one kind did to memory; `requests` are those of one cycle."""

    kind: Kind
    requests: int
    samples: tuple[Memory, ...]
    seconds: tuple[float, ...]

    @property
    def per_second(self) -> float:
        """Requests a second, one after the other."""
        return self.requests * len(self.seconds) / sum(self.seconds)

    def peak_bytes(self, cycles: int) -> int | None:
        """The most that was in memory after so many cycles at most, libraries and mapped weights
        included: what was soaked longer is to be no worse for it.
        """
        return self.samples[min(cycles, len(self.samples)) - 1].peak_bytes

    def levels(self, counter: Counter) -> list[int | None]:
        """Bytes after each cycle, None where the system does not count them."""
        if counter is Counter.HEAP:
            return [it.heap_bytes for it in self.samples]
        return [it.private_bytes for it in self.samples]


@dataclass(frozen=True, slots=True)
class Run:
    """How long to soak: so many cycles, and so often doubled while the bounds are in doubt.

    So many processes as `at_once` says soak at the same time, and share what is free.
    """

    cycles: int
    doublings: int = 0
    bounds: tuple[Bound, ...] = ()
    at_once: int = 1


def run_of(
    kind: Kind, plan: Plan, rules: Sequence[Rule], precision: Precision | None, at_once: int = 1
) -> Run:
    """How long to soak a kind by the plan, and what growth the policy's rules allow.

    The other kinds are soaked half as long as plain answers, but long enough to be judged; long
    prompts, which are dear, no longer than that.
    """
    cycles = plan.memory_cycles
    if kind is Kind.LONG:
        cycles = min(cycles, LEAST_LEVELS)
    elif kind is not Kind.ANSWERED:
        cycles = max(cycles // 2, min(cycles, LEAST_LEVELS))
    bounds = [
        Bound(counter, limit.value, shared_confidence(rule.confidence, len(Kind)))
        for rule in rules
        for counter in Counter
        if (rule.metric, rule.statistic) == (f"memory.{counter}", Statistic.GROWTH)
        and (limit := rule.limit(precision)) is not None
    ]
    return Run(cycles, plan.memory_doublings, tuple(bounds), at_once)


def cycles_of_requests(
    items: Sequence[Item], too_long: tuple[int, ...]
) -> dict[Kind, tuple[Request, ...]]:
    """One cycle of each kind, in the order to soak them.

    The longest chats come first, so that memory has been at its highest after one cycle; the rest
    are the shortest, because many requests tell more of a leak than long ones. What is cut short
    has room for more: answers that the model itself ends early, and in turn with them answers that
    a kept generator is not let finish. `too_long` is a prompt that must be refused. Long prompts
    are of many items' text: a leak that only they show is lost among the short ones.
    """
    longest = sorted(items, key=lambda item: -sum(len(text) for _, text in item.messages))
    shortest = longest[_LONGEST:][_LONGEST - REQUESTS :]
    chats = [item.messages for item in (*longest[:_LONGEST], *shortest)]
    brief = sorted(items, key=lambda item: len(item.expected))[:REQUESTS]
    answered = [Request(it, max_new_tokens=NEW_TOKENS, stop_at_end=False) for it in chats]
    unfinished = [
        Request(it, max_new_tokens=NEW_TOKENS // 2, stop_at_end=False, fresh=False) for it in chats
    ]
    ended = [Request(it.messages, max_new_tokens=ROOM_TOKENS) for it in brief]
    return {
        Kind.TOKENIZED: tuple(answered),
        Kind.ANSWERED: tuple(answered),
        Kind.STOPPED: tuple((unfinished, ended)[n % 2][n] for n in range(len(chats))),
        Kind.REFUSED: (Request(token_ids=too_long, max_new_tokens=1),) * DEAR_REQUESTS,
        Kind.LONG: _long_requests(items, len(too_long) // TOKENS_PER_CHARACTER),
    }


def _long_requests(items: Sequence[Item], most_characters: int) -> tuple[Request, ...]:
    """Questions as long as some of the bank's together, each another."""
    texts = [content for item in items for role, content in item.messages if role == "user"]
    everything = " ".join(texts)
    while len(everything) < LONG_REQUESTS * max(LONG_CHARACTERS):
        everything = f"{everything} {everything}"
    chats = []
    for number in range(LONG_REQUESTS):
        size = min(LONG_CHARACTERS[number % len(LONG_CHARACTERS)], most_characters)
        start = number * max(LONG_CHARACTERS)
        chats.append((("user", everything[start : start + size]),))
    return tuple(Request(it, max_new_tokens=2, stop_at_end=False) for it in chats)


def soak(
    runtime: Isolated,
    kind: Kind,
    cycle: Sequence[Request],
    run: Run,
    has_time: Callable[[float], bool] = lambda _: True,
) -> Soak:
    """Cycles of one kind on a runtime, which may have served others before. `has_time` says whether
    there are so many seconds for what is in doubt.

    Raises RequestError for a request that was refused and should not be, and ModelError where
    memory grew so fast that the machine would have been full before there was anything to judge.
    """
    found = _cycles(runtime, kind, cycle, run.cycles, run.at_once)
    for _ in range(run.doublings):
        if not _is_in_doubt(found, run.bounds) or not has_time(sum(found.seconds)):
            break
        more = _cycles(runtime, kind, cycle, len(found.samples), run.at_once)
        found = Soak(kind, len(cycle), found.samples + more.samples, found.seconds + more.seconds)
    return found


def peak_bytes(
    runtime: Isolated, cycles: Mapping[Kind, Sequence[Request]], plan: Plan
) -> int | None:
    """Peak over plain answers where nobody looks for a leak: few cycles, for the longest chats come
    first.
    """
    run = Run(min(plan.memory_cycles, PEAK_CYCLES))
    for kind in (Kind.TOKENIZED, Kind.ANSWERED):  # as where a leak is looked for
        found = soak(runtime, kind, cycles[kind], run)
    return found.peak_bytes(run.cycles)


def _cycles(
    runtime: Isolated, kind: Kind, cycle: Sequence[Request], cycles: int, at_once: int
) -> Soak:
    allowed_bytes = int(_ALLOWED_SHARE * available_bytes() / at_once)
    ask: Callable[..., Cycles] = runtime.run_cycles
    if kind is Kind.TOKENIZED:
        ask = runtime.run_tokenizer_cycles
    taken = ask(cycle, cycles, allowed_bytes=allowed_bytes)
    if taken.errors and kind is not Kind.REFUSED:
        raise RequestError(f"refused a request of {kind}: {taken.first_error}")
    if len(taken.samples) < min(cycles, LEAST_LEVELS):
        why = (
            f"{taken.requests} requests took over {allowed_bytes / 2**30:.1f} GiB at {kind}, and "
            "were stopped before the machine was full"
        )
        if len(taken.samples) < _TELLING:
            raise InfrastructureError(f"{why}: too few to tell growth from what is taken once")
        raise ModelError(why)
    return Soak(kind, len(cycle), taken.samples, taken.seconds)


def _is_in_doubt(found: Soak, bounds: Sequence[Bound]) -> bool:
    """Whether growth beyond some bound is neither shown nor ruled out, and beyond none is shown."""
    doubts = []
    for bound in bounds:
        levels = [it / 2**10 for it in found.levels(bound.counter) if it is not None]
        requests = [found.requests * (turn + 1) for turn in range(len(levels))]
        growth = growth_interval(requests, levels, bound.confidence)
        if growth.lower > bound.limit:
            doubts.append(bool(growth.doubt))
        elif growth.is_bounded and _straddles(growth, bound.limit):
            doubts.append(True)
    return bool(doubts) and all(doubts)


def _straddles(growth: Estimate, limit: float) -> bool:
    """Whether there is growth, or looks to be beyond the limit, that may be more than allowed.

    What does not rise is left at that: a wider interval of it is noise of the counter's pages.
    """
    return growth.upper > limit and (growth.lower > 0 or growth.value > limit)
