"""Times a variant beside another one over fresh pairs of processes, until its rules are decided.

What varies from process to process belongs into the interval, so the process pair is the unit:
there are as many as the policy's rules need, between the plan's least and most. A pair that
something disturbed is left out and another one taken in its place.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from harness.answer import Answer, Request
from harness.bench import Bench
from harness.conditions import disturbance
from harness.exam import refusal, require_answers
from harness.fleet import blame
from harness.interim import is_decided, passes_for_sure
from harness.item import Item, Scorer
from harness.measurement import Measurement
from harness.metrics.latency import between_tokens_ms, timed_tokens
from harness.pairing import Pair, Pairing, ProcessPair, Series, sides, unsettled
from harness.policy import Rule, Severity
from harness.probes.host import capture_conditions
from harness.release import Role
from harness.runtimes.isolated import Isolated
from harness.statistic import Statistic
from harness.stats import clusters, sequential

UPTIME = "uptime"
"""The metric of equal requests in the order asked of one process."""

LONG_EVERY = 8  # requests, of which one is answered as long as the release allows
WARM_TOKENS = 8
UPTIME_TOKENS = 16
SLOW_UPTIME_TOKENS = 8  # at least: where few are asked, as many as give
_TELLING_GAPS = 500  # between tokens, which is the least that rules on their tails ask for
_SLOW_TOKEN_MS = 10.0
OPENING_TOKENS = 2  # of the first answer of a process
_OPENING_CHARACTERS = 400  # about 128 tokens at most, for which devices state their budgets
_UPTIME_DOUBLINGS = 2
_UPTIME_PROCESSES = 4  # at most, for a slowdown with use comes back in most processes
_ITSELF = 2  # times the least number of process pairs is enough to know the machine
_MOST_TROUBLED = 2  # times the least number of process pairs: more of them, and it will not end
_RESTLESS = 2  # process pairs in which the variant alone does not settle are no neighbour's doing
_LOADS_MORE = 4  # times the plan's repetitions, where it is not decided sooner


@dataclass(frozen=True, slots=True)
class Questions:
    """What each pair of processes is asked.

    `mix` are the bank's first items, answered as long as the reference answers them; `long` are as
    long as the longest answer that the release allows, and as those for the uptime at least: where
    choices are all that is asked, times between tokens are known by them alone.
    """

    mix: tuple[Request, ...]
    long: tuple[Request, ...]

    @property
    def every(self) -> tuple[Request, ...]:
        """Each of them once."""
        return (*self.mix, *self.long)

    def short(self, tokens: int) -> Request:
        """The first one with an answer of so many tokens."""
        return replace(self.every[0], max_new_tokens=tokens)


@dataclass(frozen=True, slots=True)
class PairedRun:
    """The process pairs that count; `planned` of them at most were looked at on the way.

    `trouble` says what disturbed them, where too few were left undisturbed, and how often the
    variant alone did not settle, where that is no chance.
    """

    processes: tuple[ProcessPair, ...]
    planned: int = 0
    trouble: str = ""

    @property
    def pairs(self) -> list[Pair]:
        """All pairs of the questions, process by process."""
        return [pair for it in self.processes for pair in it.pairs]

    @property
    def names(self) -> list[str]:
        """The process pair of each of them."""
        return [it.name for it in self.processes for _ in it.pairs]

    @property
    def timed(self) -> list[Pair]:
        """The pairs, and those that were asked for the uptime."""
        return [pair for it in self.processes for pair in it.timed]

    @property
    def used(self) -> "PairedRun":
        """Of it what was asked for the uptime, as its pairs."""
        found = (replace(it, pairs=it.uptime, uptime=()) for it in self.processes if it.uptime)
        return replace(self, processes=tuple(found))

    @property
    def warmups(self) -> list[Pair]:
        """All warm-ups, process by process."""
        return [pair for it in self.processes for pair in it.warmups]


def uptime_tokens(token_ms: float, requests: int) -> int:
    """New tokens of each of so many requests for the uptime, where one takes the slower side so
    long: of a bank of short answers these alone tell of gaps between tokens.
    """
    if token_ms <= _SLOW_TOKEN_MS:
        return UPTIME_TOKENS
    telling = 1 + math.ceil(_TELLING_GAPS / max(1, requests))
    return min(UPTIME_TOKENS, max(SLOW_UPTIME_TOKENS, telling))


def _uptime_tokens_after(pair: ProcessPair, requests: int) -> int:
    slower = sides(pair.pairs, between_tokens_ms).max(axis=0)
    return uptime_tokens(float(np.median(slower)), requests)


Measure = Callable[[PairedRun], Sequence[Measurement]]
"""What a run so far is as measurements."""


def questions(bench: Bench) -> Questions:
    """The release's own mix of prompts and answer lengths, by the plan's number of pairs."""
    longs = max(1, bench.plan.latency_pairs // LONG_EVERY)
    items = bench.items[: max(1, bench.plan.latency_pairs - longs)]
    try:
        replies = bench.reference_replies(len(items))
    finally:
        bench.end_copies()
    lengths = [timed_tokens(it.answer) for it in replies]
    allowed = [it.max_new_tokens for it in bench.items if it.scorer is not Scorer.CHOICE]
    longest = max([UPTIME_TOKENS, *lengths, *allowed])
    mix = [_of_length(item, tokens) for item, tokens in zip(items, lengths, strict=True)]
    chosen = [items[at % len(items)] for at in range(longs)]
    return Questions(tuple(mix), tuple(_of_length(item, longest) for item in chosen))


def opening(items: Sequence[Item]) -> Request:
    """What is asked first of a process: the end of a question, the shortest of the bank's, so that
    time to make ready for it stands out, and long prompts are left to the rules on them.
    """
    questions = [item.messages[-1] for item in items]
    role, text = min(questions, key=lambda question: (len(question[1]), question[1]))
    messages = ((role, text[-_OPENING_CHARACTERS:]),)
    return Request(messages=messages, max_new_tokens=OPENING_TOKENS, stop_at_end=False)


def _of_length(item: Item, tokens: int) -> Request:
    return Request(messages=item.messages, max_new_tokens=tokens, stop_at_end=False)


def paired_run(
    bench: Bench, beside: str, asked: Questions, series: Series, measure: Measure
) -> PairedRun:
    """Process pairs until every rule of the policy on what `measure` makes of them is decided.

    Beside itself a variant is measured until it is known what its machine can tell apart.
    """
    race = _Race(bench, beside, asked, series)
    is_over = _is_known if race.is_itself else _is_over
    while race.is_room:
        race.take(measure)
        if _is_look(bench, len(race.kept)) and is_over(bench, measure(race.run())):
            break
        is_enough = race.taken >= bench.plan.latency_least_processes
        if is_enough and race.is_room and not bench.has_time(decides=not race.is_itself):
            break
    bench.process_pairs[bench.variant.name, beside] = race.run().processes
    race.tell()
    return race.run()


def _is_look(bench: Bench, kept: int) -> bool:
    least, most = bench.plan.latency_least_processes, bench.plan.latency_processes
    return kept == least or (kept > least and kept in sequential.look_sizes(most))


def _is_over(bench: Bench, measurements: Sequence[Measurement]) -> bool:
    """Whether no more process pairs would change anything: slowing down with use is looked for in
    the first of them alone.
    """
    is_looked_for = all(len(set(it.clusters)) < _UPTIME_PROCESSES for it in _drifts(measurements))
    others = [it for it in measurements if it not in _drifts(measurements)]
    return is_decided(bench, measurements if is_looked_for else others)


def _is_known(bench: Bench, measurements: Sequence[Measurement]) -> bool:
    """Whether so many process pairs tell apart what the critical rules on their ratios ask for."""
    return all(
        len(set(it.clusters)) >= _needed(bench, rule, it)
        for it in measurements
        for rule in bench.rules
        if rule.metric == it.metric and rule.statistic is Statistic.RATIO
        if rule.severity is Severity.CRITICAL
        and (rule.versus is not Role.BASELINE or bench.baseline)
    )


def _needed(bench: Bench, rule: Rule, it: Measurement) -> int:
    logs, limit = clusters.figures(it.values, it.reference_values, it.clusters), rule.limit(None)
    assert limit is not None  # a critical rule has one
    return clusters.needed(
        logs, math.log(limit.value), rule.confidence, bench.plan.latency_processes
    )


def _drifts(measurements: Sequence[Measurement]) -> list[Measurement]:
    return [it for it in measurements if it.metric.endswith(f".{UPTIME}")]


class _Race:
    """The process pairs of one variant beside another one, as they are taken."""

    def __init__(self, bench: Bench, beside: str, asked: Questions, series: Series) -> None:
        self.kept: list[ProcessPair] = []
        self.is_itself = beside == bench.variant.name
        self._troubled: list[ProcessPair] = []
        self._bench = bench
        self._beside = beside
        self._asked = asked
        self._series = series
        self._uptime_tokens = 0  # not known before the first pair of processes

    @property
    def taken(self) -> int:
        """How many process pairs there were."""
        return len(self.kept) + len(self._troubled)

    @property
    def is_room(self) -> bool:
        """Whether the plan has room for one more."""
        plan = self._bench.plan
        most_troubled = _MOST_TROUBLED * plan.latency_least_processes
        most = _ITSELF * plan.latency_least_processes if self.is_itself else plan.latency_processes
        is_over = self.taken >= min(most, plan.latency_processes)
        return not is_over and len(self._troubled) < most_troubled and not self._restless

    def take(self, measure: Measure) -> None:
        """One more fresh pair of processes."""
        bench, start = self._bench, capture_conditions()
        with fresh_pair(bench, self._beside, f"{self.taken + 1}") as (pair, pairing, reload):
            pair = self._asked_all(pair, pairing, measure)
            if len(self.kept) < bench.plan.load_repetitions:
                pair = replace(pair, reloads=reload())
        why = disturbance(start, capture_conditions(), bench.plan.disturbed_share)
        restless = () if why else unsettled(pair.warmups, self._series)
        if restless:
            why = f"not settled after {len(pair.warmups)} warm-ups"
        pair = replace(pair, trouble=why, restless=restless)
        (self._troubled if pair.trouble else self.kept).append(pair)

    def _asked_all(self, pair: ProcessPair, pairing: Pairing, measure: Measure) -> ProcessPair:
        most = self._bench.plan.latency_warmup_pairs
        first = pairing.one(opening(self._bench.items))
        if most:
            pairing.one(self._asked.long[0])  # what is touched first costs most
        warmups = tuple(pairing.warm_up(self._asked.short(WARM_TOKENS), self._series, most))
        pairs = tuple(pairing.each(self._asked.every))
        pair = replace(pair, first=first, warmups=warmups, pairs=pairs)
        return self._used(pair, pairing, measure) if self._wants_uptime(measure) else pair

    def _wants_uptime(self, measure: Measure) -> bool:
        """Whether no pair of processes has shown yet that use does not make it slower."""
        if self.is_itself or self._beside != self._bench.reference:
            return False
        found = PairedRun(tuple(self.kept))
        count = len(found.used.processes)
        if not count:
            return not self._troubled or self._bench.has_time()
        if count >= _UPTIME_PROCESSES or self._is_steady(found, measure):
            return False
        return self._bench.has_time()

    def _used(self, pair: ProcessPair, pairing: Pairing, measure: Measure) -> ProcessPair:
        """Equal requests one after the other, until it is sure that they do not become slower: few
        show a slowdown by chance, and the whole run says how large it is.
        """
        size = self._bench.plan.latency_uptime_pairs
        self._uptime_tokens = self._uptime_tokens or _uptime_tokens_after(pair, size)
        request = self._asked.short(self._uptime_tokens)
        for doublings in reversed(range(_UPTIME_DOUBLINGS + 1)):
            more = [pairing.one(request) for _ in range(size - len(pair.uptime))]
            pair = replace(pair, uptime=(*pair.uptime, *more))
            is_over = not doublings or self._is_steady(PairedRun((pair,)), measure)
            if is_over or not self._bench.has_time():
                break
            size *= 2
        return pair

    def _is_steady(self, run: PairedRun, measure: Measure) -> bool:
        return passes_for_sure(self._bench, _drifts(measure(run)))

    def run(self) -> PairedRun:
        """What counts of it so far; disturbed pairs too where the others are too few."""
        plan = self._bench.plan
        planned = 0 if self.is_itself else plan.latency_processes
        if len(self.kept) >= plan.latency_least_processes or not self._troubled:
            return PairedRun(tuple(self.kept), planned, self._restless)
        trouble = self._restless or self._troubled[-1].trouble
        return PairedRun((*self.kept, *self._troubled), planned, trouble)

    @property
    def _restless(self) -> str:
        """How often the variant alone did not settle; empty where that may be chance.

        What is left out then is what is slow of it, and no other process pair would mend that.
        """
        found = [it.restless for it in self._troubled if it.restless]
        is_its_own = not self.is_itself and all(it == (0,) for it in found)
        if not is_its_own or len(found) < _RESTLESS:
            return ""
        return (
            f"{self._bench.variant.name} alone had not settled in {len(found)} of {self.taken} "
            "pairs of processes"
        )

    def tell(self) -> None:
        """Say in the report what was left out."""
        for why, count in Counter(it.trouble for it in self._troubled).items():
            self._bench.remark(
                f"latency of {self._bench.variant.name} beside {self._beside}: {count} of "
                f"{self.taken} pairs of processes were measured in vain: {why}"
            )


Started = tuple[ProcessPair, Pairing, Callable[[], tuple[float, float]]]


@contextmanager
def fresh_pair(bench: Bench, beside: str, name: str) -> Iterator[Started]:
    """New processes of both, loaded one after the other, and what reloads them."""
    names = (bench.variant.name, beside)
    random = bench.random(f"order {bench.variant.name} {beside} {name}")
    with bench.fresh(names[0]) as mine, bench.fresh(names[1]) as theirs:
        runtimes = (mine, theirs)

        def ask(side: int, request: Request) -> Answer:
            with blame(names[side]):
                [answer] = require_answers(names[side], runtimes[side].run([request]))
            if len(answer.token_ns) < 2:
                why = f"{len(answer.token_ns)} new tokens, which cannot be timed"
                raise refusal(names[side], why)
            return answer

        def load(of: Callable[[Isolated], float]) -> tuple[float, float]:
            seconds = [0.0, 0.0]
            for side in random.permutation(2):
                with blame(names[side]):
                    seconds[side] = of(runtimes[side])
            return seconds[0], seconds[1]

        pair = ProcessPair(name, loads=load(Isolated.start))
        yield pair, Pairing(ask, random, names), lambda: load(lambda it: it.reload().load_seconds)


def loads(
    bench: Bench, beside: str, measure: Callable[[PairedRun], Sequence[Measurement]]
) -> PairedRun:
    """Cold and warm loads, and a first answer between them: those of the pairs that answered, and
    as many more as decide.
    """
    known = bench.process_pairs.get((bench.variant.name, beside), ())
    kept = [it for it in known if it.reloads is not None and not it.trouble]
    least, troubled = bench.plan.load_repetitions, list[ProcessPair]()
    while len(kept) + len(troubled) < _LOADS_MORE * least:
        if len(kept) >= least and is_decided(bench, measure(PairedRun(tuple(kept)))):
            break
        if len(kept) + len(troubled) >= least and not bench.has_time():
            break
        pair = _load_only(bench, beside, f"load {len(kept) + len(troubled) + 1}")
        (troubled if pair.trouble else kept).append(pair)
    if len(kept) >= least:
        return PairedRun(tuple(kept))
    return PairedRun((*kept, *troubled), trouble=troubled[-1].trouble)


def _load_only(bench: Bench, beside: str, name: str) -> ProcessPair:
    start = capture_conditions()
    with fresh_pair(bench, beside, name) as (pair, pairing, reload):
        first = pairing.one(opening(bench.items))
        pair = replace(pair, first=first, reloads=reload())
    why = disturbance(start, capture_conditions(), bench.plan.disturbed_share)
    return replace(pair, trouble=why)
