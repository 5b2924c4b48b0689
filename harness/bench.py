"""What a suite measures with: one variant beside the reference, and the items to ask."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from harness.answer import Answer, Messages, Request
from harness.bank import across_slices, generator
from harness.chances import Chances
from harness.climb import Climb
from harness.conditions import disturbance
from harness.device import Device
from harness.evidence import NOT_JUDGED
from harness.fleet import Fleet
from harness.flip import Flip
from harness.generation import Recital
from harness.item import Item
from harness.long_chat import LongChat
from harness.measurement import Measurement
from harness.pairing import ProcessPair
from harness.policy import Plan, Rule
from harness.probes.folder import read_folder, read_penalty
from harness.probes.host import capture_conditions
from harness.release import Role
from harness.reply import Reply
from harness.route import Route
from harness.runtimes.isolated import Isolated
from harness.soak import Kind, Soak, cycles_of_requests, peak_bytes, run_of, soak
from harness.source import SourceFacts
from harness.source_cache import SourceCache
from harness.stage import Stage
from harness.variant import Variant
from harness.visit import Visit, read_settings, visit

T = TypeVar("T")


class Bench:
    """One variant of a stage, measured for one suite."""

    def __init__(self, stage: Stage, name: str, suite: str, at_once: int = 1) -> None:
        """`at_once` variants are measured at the same time as this one, which is among them."""
        self._stage = stage
        self._name = name
        self._suite = suite
        self.at_once = at_once

    @property
    def variant(self) -> Variant:
        """The variant; raises why there is none."""
        return self._stage.fleet.variant(self._name)

    @property
    def reference(self) -> str:
        """The reference's name."""
        return self._stage.reference

    @property
    def environment(self) -> str:
        """The fingerprint of where the session measures."""
        return self._stage.environment

    @property
    def baseline(self) -> str:
        """The previous release's name; empty where the release has none."""
        return self._stage.baseline

    @property
    def process_pairs(self) -> dict[tuple[str, str], tuple[ProcessPair, ...]]:
        """Fresh pairs of processes that were timed in this session, by the names of both."""
        return self._stage.process_pairs

    @property
    def rivals(self) -> tuple[str, ...]:
        """What speed is compared with: the reference, and for a candidate the baseline too."""
        beside = (self.reference, self._stage.baseline)
        apart = self._name in beside
        return tuple(name for name in (beside[:1] if apart else beside) if name)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The policy's rules on what this suite measures."""
        return tuple(it for it in self._stage.rules if it.suite == self._suite)

    def is_judged(self, *metrics: str) -> bool:
        """Whether somebody judges any of these metrics of the variant: always of a candidate, and
        of another role where the policy has a rule for it.
        """
        role, names = self.variant.recipe.role, {f"{self._suite}.{name}" for name in metrics}
        rules = [rule for rule in self._stage.rules if rule.metric in names]
        return role is Role.CANDIDATE or any(role in rule.roles for rule in rules)

    def unjudged(self, metric: str) -> Measurement:
        """What is recorded in place of what nobody would judge."""
        return replace(self.sample(metric, "", ()), absence=NOT_JUDGED)

    @property
    def plan(self) -> Plan:
        """How much to measure."""
        return self._stage.plan

    def together(
        self,
        what: str,
        measure: Callable[["Bench"], T],
        others: Sequence[str] | None = None,
    ) -> T:
        """What `measure` makes of this variant's bench; where cores are idle, made meanwhile of the
        `others`, all that have its role where nothing is said, for their own checks to take.

        It must time nothing, and the first check has asked what the variants share.
        """
        stage, at_once = self._stage, self._stage.together_at_once

        def make(name: str) -> T:
            found = measure(Bench(stage, name, self._suite, at_once))
            if name != self._name:
                stage.listener.keep(self._suite, name)
            return found

        found: T = stage.together.of(
            f"{self._suite} {what}",
            self._name,
            stage.alike(self._name) if others is None else others,
            make,
            at_once,
            stage.fleet.interrupt,
        )
        return found

    def all_together(
        self,
        what: str,
        measure: Callable[["Bench", Sequence[str]], Mapping[str, T | Exception]],
    ) -> T:
        """What `measure` makes of this variant and at the same time of all others of the session,
        for their own checks to take, or what it says is to be raised. It must time nothing.
        """
        key, others = f"{self._suite} {what}", [it for it in self._stage.names if it != self._name]
        make = partial(measure, self)
        return cast(T, self._stage.together.of_all(key, self._name, others, make))

    def has_time(self, seconds: float = 0.0, decides: bool = True) -> bool:
        """Whether so much may be measured beyond the plan's least, which is each later check's.

        Of what more measuring might decide the session does not know where there is no time for it:
        what passes for want of measuring is no pass. Who asks for more that `decides` nothing says
        so.
        """
        is_time = self._stage.has_time(seconds)
        if decides and not is_time:
            self._stage.cut(f"{self._suite} of {self._name}")
        return is_time

    @property
    def fleet(self) -> Fleet:
        """The session's runtimes."""
        return self._stage.fleet

    @property
    def is_chat(self) -> bool:
        """Whether the model is asked in chats, and not as plain text."""
        return self._stage.fleet.is_chat

    @property
    def source(self) -> Path | None:
        """The checkpoint directory, where the release has one."""
        return self._stage.source

    @property
    def source_cache(self) -> SourceCache | None:
        """What the source said in earlier sessions, where that is kept."""
        return self._stage.source_cache

    @property
    def no_source(self) -> str:
        """Why there is no checkpoint, where there is none."""
        return self._stage.no_source

    @property
    def cache(self) -> Path | None:
        """Where finished variants are kept."""
        return self._stage.cache

    @property
    def text(self) -> str:
        """A text of the domain, where the release names one."""
        return self._stage.text

    @property
    def device(self) -> Device | None:
        """The device that the release is for, where it names one."""
        return self._stage.device

    @property
    def floor(self) -> float | None:
        """The share of right answers that the release states, where it does."""
        return self._stage.floor

    @property
    def room_kib(self) -> int:
        """Memory that a leak can fill: what the device leaves it, or all that this machine has."""
        if self.device is not None:
            return self.device.available_kib
        machine = self._stage.machine
        return machine.memory_mib * 1024 if machine else 0

    @property
    def context_tokens(self) -> int:
        """The context length in tokens that the variant's own configuration states."""
        return int(read_folder(self.variant.directory).model["context_length"])

    @property
    def stated_context(self) -> int | None:
        """The context in tokens that the release states for its packages, where it does."""
        return self._stage.stated_context

    @property
    def chances(self) -> Chances:
        """What the variant's own logits say of its answers."""
        directory = self.variant.directory
        ends, penalty = read_folder(directory).end_tokens, read_penalty(directory)
        return Chances(self.ask, ends, penalty)

    def some_items(self, count: int) -> tuple[Item, ...]:
        """So many items of the bank, of every slice as many."""
        return across_slices(self.items, count)

    @property
    def items(self) -> tuple[Item, ...]:
        """The bank, in the session's random order."""
        return self._stage.items

    def random(self, purpose: str) -> np.random.Generator:
        """A generator for one purpose, the same for every variant of the session."""
        return generator(self._stage.seed, purpose)

    def sample(
        self,
        metric: str,
        unit: str,
        values: Sequence[float],
        references: Sequence[float] = (),
        labels: Sequence[str] = (),
        beside: str = "",
    ) -> Measurement:
        """A measurement of this suite and variant; see `Measurement` for the fields.

        Reference values are the reference's where `beside` names nobody else.
        """
        return Measurement(
            suite=self._suite,
            metric=f"{self._suite}.{metric}",
            variant=self._name,
            unit=unit,
            values=tuple(map(float, values)),
            environment=self._stage.environment,
            reference_values=tuple(map(float, references)),
            labels=tuple(labels),
            beside=beside or (self.reference if len(references) else ""),
        )

    def absent(self, metric: str, why: str) -> Measurement:
        """A measurement that says why there is none."""
        return replace(self.sample(metric, "", ()), absence=why)

    def ask(self, plan: Sequence[Request]) -> list[Answer]:
        """The variant's answers to a plan; an answer may be an error."""
        return self._stage.fleet.ask(self._name, plan)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids by the variant's tokenizer."""
        return self._stage.fleet.encode(self._name, texts)

    def render(self, chats: Sequence[Messages]) -> list[str]:
        """Prompts by the variant's chat template."""
        return self._stage.fleet.render(self._name, chats)

    def fresh(self, name: str = "") -> AbstractContextManager[Isolated]:
        """A new process of the variant, or of the one that is named, as a context manager."""
        return self._stage.fleet.fresh(name or self._name)

    def undisturbed(self, take: Callable[[], T], what: str) -> tuple[T, str]:
        """What `take` measures, taken again when something disturbed it, and what did so twice."""
        share = self.plan.disturbed_share
        for attempt in ("once more", ""):
            start = capture_conditions()
            taken = take()
            why = disturbance(start, capture_conditions(), share)
            if not why:
                break
            self._stage.remarks.append(
                f"{self._suite} of {self._name} {what} was disturbed"
                f"{' and measured ' + attempt if attempt else ' again'}: {why}"
            )
        return taken, why

    def replies(self, count: int = 0) -> tuple[Reply, ...]:
        """Replies to the first `count` of `items`, or to all of them; asked once a session."""
        return self._stage.replies_of(self._name, count)

    def reference_replies(self, count: int = 0) -> tuple[Reply, ...]:
        """The reference's, as above."""
        return self._stage.replies_of(self.reference, count)

    def replies_to(self, items: Sequence[Item]) -> tuple[tuple[Reply, ...], tuple[Reply, ...]]:
        """Replies to some items out of order, and the reference's."""
        if not items:
            return (), ()
        stage = self._stage
        return stage.asked(self._name, items), stage.asked(self.reference, items)

    def end_copies(self) -> None:
        """End the processes that shared plans of the variant and of the reference."""
        for name in (self._name, self.reference):
            self._stage.fleet.end_copies(name)

    def report_flips(self, found: Sequence[Flip]) -> None:
        """List items whose answers became right or wrong in the report."""
        self._stage.flips.extend(found)

    def source_facts(self) -> SourceFacts:
        """What the source says of texts, chats and the reference's answers, asked once a session.

        Raises InfrastructureError where it cannot be asked; the release must have a source.
        """
        return self._stage.source_facts(lambda: self.reference_replies(self.plan.source_items))

    def remark(self, text: str) -> None:
        """Tell the reader of the report something about this session, once."""
        if text not in self._stage.remarks:
            self._stage.remarks.append(text)

    def soak_cycles(self) -> dict[Kind, tuple[Request, ...]]:
        """One cycle of requests of each kind, in the order to soak them."""
        return cycles_of_requests(self.items, self.long_prompt(self.context_tokens + 1))

    def soak(self, runtime: Isolated, kind: Kind, cycle: Sequence[Request]) -> Soak:
        """Memory over the plan's cycles of one kind on a process of the variant.

        Longer where growth is in doubt that is beyond what the policy allows.
        """
        precision = self.variant.recipe.precision
        run = run_of(kind, self.plan, self._stage.rules, precision, self.at_once)
        found = soak(runtime, kind, cycle, run, self.has_time)
        if kind is Kind.ANSWERED:
            self._stage.peaks[self._name] = found.peak_bytes(self.plan.memory_cycles)
        return found

    def peak_bytes(self, name: str) -> int | None:
        """Peak of a variant's process over plain answers, soaked now when it was not before."""
        peaks = self._stage.peaks
        if name not in peaks:
            with self.fresh(name) as runtime:
                peaks[name] = peak_bytes(runtime, self.soak_cycles(), self.plan)
        return peaks[name]

    @property
    def climbs(self) -> list[Climb]:
        """Ladders that were climbed in this session."""
        return self._stage.climbs

    @property
    def together_at_once(self) -> int:
        """How many variants may be asked at once where nothing is timed."""
        return self._stage.together_at_once

    def route(self) -> Route:
        """The prompt lengths of the session's variants, found once a session."""
        return self._stage.route(self._name)

    @property
    def recited(self) -> list[tuple[LongChat, Recital]]:
        """Long chats and what the reference gave after them, as far as it was asked."""
        return self._stage.recited

    def long_prompt(self, length: int) -> tuple[int, ...]:
        """That many tokens of domain text, the items' one after the other and again."""
        return self._stage.long_text(self.items, length)

    def visit_foundry(self, name: str = "") -> Visit:
        """What Foundry Local makes of the variant, or of the one that is named; once a session.

        Where cores are idle, the session's other variants are taken there at the same time.
        """
        name, visits, names = name or self._name, self._stage.visits, self._stage.names
        if name not in visits:
            others = [other for other in names if other != name and other not in visits]
            bench = Bench(self._stage, name, self._suite)
            visits[name] = bench.together("visit", Bench._visited, others)
        return visits[name]

    def _visited(self) -> Visit:
        return visit(self.fleet, self._name, self.items, self.plan, read_settings(self.source))
