"""What all benches of a session share: its runtimes, its items, and what was measured already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.climb import Climb
from harness.clock import Clock
from harness.device import Device, Limits, Machine
from harness.durations import duration
from harness.errors import InfrastructureError
from harness.evidence import NO_SOURCE
from harness.exam import replies
from harness.fleet import Fleet
from harness.flip import Flip
from harness.generation import Recital
from harness.item import Item
from harness.listener import Listener
from harness.long_chat import LongChat
from harness.pairing import ProcessPair
from harness.policy import Plan, Rule
from harness.probes.host import usable_cores
from harness.probes.memory import available_bytes
from harness.reply import Reply
from harness.reply_cache import ReplyCache
from harness.route import Route, find_route
from harness.source import Questions, SourceFacts, ask_source, questions, renewed
from harness.source_cache import SourceCache, kept_remark
from harness.together import Together, fitting
from harness.visit import Visit

_TEXTS = 200  # items, whose text long prompts are made of


@dataclass(frozen=True, slots=True)
class Stage:
    """What all benches of a session share; the mutable parts fill while measuring.

    `names` are the variants of the session that there are, `baseline` is empty where the release
    has none, `remarks` and `flips` are for the report, `cut_short` says what a budget ended before
    it was decided. `cache` is the folder of finished variants, `reply_cache` holds what the
    reference replied in earlier sessions, `source_cache` what the source said of it. `no_source`
    says why there is no `source`, where there is none. `limits` hold for the processes that are
    measured, `clock` knows what time there is, and `together` keeps what was asked of one variant
    while another was.
    `needs` are bytes of each variant's process with the longest prompt, where a survey has asked.
    `floor` is the share of right answers that the release states, `stated_context` the context in
    tokens, where it states one.
    """

    fleet: Fleet
    reference: str
    items: tuple[Item, ...]
    plan: Plan
    environment: str
    names: tuple[str, ...] = ()
    baseline: str = ""
    rules: tuple[Rule, ...] = ()
    seed: int = 0
    device: Device | None = None
    machine: Machine | None = None
    source: Path | None = None
    no_source: str = NO_SOURCE
    cache: Path | None = None
    text: str = ""
    replies: dict[str, tuple[Reply, ...]] = field(default_factory=dict)
    facts: list[SourceFacts | InfrastructureError] = field(default_factory=list)
    peaks: dict[str, int | None] = field(default_factory=dict)
    process_pairs: dict[tuple[str, str], tuple[ProcessPair, ...]] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    climbs: list[Climb] = field(default_factory=list)
    visits: dict[str, Visit] = field(default_factory=dict)
    recited: list[tuple[LongChat, Recital]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    cut_short: list[str] = field(default_factory=list)
    listener: Listener = field(default_factory=Listener)
    flips: list[Flip] = field(default_factory=list)
    reply_cache: ReplyCache | None = None
    source_cache: SourceCache | None = None
    limits: Limits = field(default_factory=Limits)
    clock: Clock | None = None
    together: Together[Any] = field(default_factory=Together)

    def has_time(self, seconds: float) -> bool:
        """Whether so many may be spent beyond what the checks to come will take."""
        return self.clock is None or self.clock.slack > seconds

    def cut(self, what: str) -> None:
        """Keep that the budget ended it before it was decided, once."""
        assert self.clock is not None
        why = f"the budget of {duration(self.clock.total)} ended {what} before it was decided"
        if why not in self.cut_short:
            self.cut_short.append(why)

    floor: float | None = None
    stated_context: int | None = None
    needs: dict[str, float] = field(default_factory=dict)

    @property
    def at_once(self) -> int:
        """How many processes fit on the cores that are measured on."""
        cores = len(self.limits.processors) or usable_cores()
        return max(1, cores // (self.limits.threads or cores))

    @property
    def together_at_once(self) -> int:
        """How many variants may be asked at once: as many as have cores, and memory for the longest
        prompt. One where nobody knows what they need.
        """
        return min(self.at_once, fitting(self.needs.values(), available_bytes()))

    def alike(self, name: str) -> list[str]:
        """The session's other variants that have the role of one."""
        role = self.fleet.variant(name).recipe.role
        others = [other for other in self.names if other != name]
        return [other for other in others if self.fleet.variant(other).recipe.role is role]

    def replies_of(self, name: str, count: int = 0) -> tuple[Reply, ...]:
        """A variant's replies to the first `count` of the items, or to all; asked once."""
        items, known = self.items[: count or None], self.replies.get(name, ())
        if len(known) < len(items):
            known += self.asked(name, items[len(known) :])
            self.replies[name] = known
        return known[: len(items)]

    def asked(self, name: str, items: Sequence[Item]) -> tuple[Reply, ...]:
        """A variant's replies to items; what the reference replied before is not asked again."""
        cache = self.reply_cache if name == self.reference else None
        if cache is None:
            return replies(self.fleet, name, items)
        return cache.replies(items, lambda some: replies(self.fleet, name, some))

    def route(self, name: str) -> Route:
        """The prompt lengths of the session's variants and of the one that is named, found once."""
        known = [it for it in self.routes if name in it.rungs]
        return known[0] if known else self._find_route(name)

    def _find_route(self, name: str) -> Route:
        texts = self.plan.scaling_texts
        names = dict.fromkeys((self.reference, name, *self.names))
        directories = {it: self.fleet.variant(it).directory for it in names}

        def write(number: int, length: int) -> tuple[int, ...]:
            return self.long_text(self.items[number::texts] or self.items, length)

        route = find_route(directories, self.reference, self.plan, self.source, write)
        self.remarks.extend(filter(None, [route.remark]))
        self.routes.append(route)
        return route

    def long_text(self, items: Sequence[Item], length: int) -> tuple[int, ...]:
        """So many tokens of these items' text, one after the other and again, as the reference
        encodes it.
        """
        text = " ".join(content for item in items[:_TEXTS] for _, content in item.messages)
        tokens = self.fleet.encode(self.reference, [text])[0]
        return tuple((tokens * (length // len(tokens) + 1))[:length])

    def source_facts(self, replied: Callable[[], Sequence[Reply]]) -> SourceFacts:
        """What the source says about the reference's replies to the first items, among others.

        Asked once a session, where no earlier one's answers are kept, and for token ids again when
        a chat template writes another date; raises InfrastructureError where it cannot be, each
        time.
        """
        if not self.facts:
            self.facts.append(self._ask_source(replied()))
        facts = self.facts[0]
        if isinstance(facts, InfrastructureError):
            raise facts
        self.facts[0] = facts = renewed(facts, self.fleet, self.reference)
        return facts

    def _ask_source(self, replied: Sequence[Reply]) -> SourceFacts | InfrastructureError:
        assert self.source is not None
        chats = list(zip(self.items, replied, strict=False))
        asked = questions(self.source, self.fleet, self.reference, chats)
        try:
            return self._kept_or_asked(asked)
        except InfrastructureError as error:
            return error

    def _kept_or_asked(self, asked: Questions) -> SourceFacts:
        def ask() -> SourceFacts:
            return ask_source(asked, self.fleet, self.reference)

        if self.source_cache is None:
            return ask()
        facts = self.source_cache.facts(asked, self.fleet, self.reference, ask)
        if facts.kept_from:
            about = "about token ids and the reference's answers"
            self.remarks.append(kept_remark(about, facts.kept_from))
        return facts
