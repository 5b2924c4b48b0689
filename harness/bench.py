"""What a suite measures with: one variant beside the reference, and the items to ask."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.answer import Answer, Finish, Messages, Request
from harness.errors import RequestError
from harness.fleet import Fleet
from harness.item import Item
from harness.measurement import Measurement
from harness.metrics.divergence import Logits
from harness.policy import Plan
from harness.probes.folder import read_folder
from harness.release import FOUNDRY_LOCAL
from harness.runtimes.isolated import Isolated
from harness.variant import Variant

Pair = tuple[Answer, Answer]
"""The variant's answer and the reference's to the same request."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What all benches of a session share; `answers` and `peaks` (bytes) fill while measuring."""

    fleet: Fleet
    reference: str
    items: tuple[Item, ...]
    plan: Plan
    environment: str
    seed: int = 0
    source: Path | None = None
    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)


class Bench:
    """One variant of a stage, measured for one suite."""

    def __init__(self, stage: Stage, name: str, suite: str) -> None:
        self._stage = stage
        self._name = name
        self._suite = suite

    @property
    def variant(self) -> Variant:
        """The variant; raises why there is none."""
        return self._stage.fleet.variant(self._name)

    @property
    def reference(self) -> str:
        """The reference's name."""
        return self._stage.reference

    @property
    def plan(self) -> Plan:
        """How much to measure."""
        return self._stage.plan

    @property
    def source(self) -> Path | None:
        """The checkpoint directory, where the release has one."""
        return self._stage.source

    @property
    def context_tokens(self) -> int:
        """The context length in tokens that the variant's own configuration states."""
        return int(read_folder(self.variant.directory).model["context_length"])

    @property
    def items(self) -> tuple[Item, ...]:
        """The bank, in the session's random order."""
        return self._stage.items

    def random(self, purpose: str) -> np.random.Generator:
        """A generator for one purpose, the same for every variant of the session."""
        return _generator(self._stage.seed, purpose)

    def sample(
        self,
        metric: str,
        unit: str,
        values: Sequence[float],
        references: Sequence[float] = (),
        labels: Sequence[str] = (),
    ) -> Measurement:
        """A measurement of this suite and variant; see `Measurement` for the fields."""
        return Measurement(
            suite=self._suite,
            metric=f"{self._suite}.{metric}",
            variant=self._name,
            unit=unit,
            values=tuple(map(float, values)),
            environment=self._stage.environment,
            reference_values=tuple(map(float, references)),
            labels=tuple(labels),
        )

    def ask(self, plan: Sequence[Request]) -> list[Answer]:
        """The variant's answers to a plan; an answer may be an error."""
        return self._stage.fleet.ask(self._name, plan)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids by the variant's tokenizer."""
        return self._stage.fleet.encode(self._name, texts)

    def render(self, chats: Sequence[Messages]) -> list[str]:
        """Prompts by the variant's chat template."""
        return self._stage.fleet.render(self._name, chats)

    def fresh(self) -> AbstractContextManager[Isolated]:
        """A new process of the variant as a context manager."""
        return self._stage.fleet.fresh(self._name)

    def fresh_reference(self) -> AbstractContextManager[Isolated]:
        """A new process of the reference as a context manager."""
        return self._stage.fleet.fresh(self.reference)

    def pairs(self, requests: Sequence[Request]) -> list[Pair]:
        """Both answers to each request, taken right after each other in random order.

        Raises RequestError of whichever answered with an error.
        """
        coins = self.random(f"order {self._suite} {self._name}").random(len(requests)) < 0.5
        return [self._pair(it, bool(first)) for it, first in zip(requests, coins, strict=True)]

    def _pair(self, request: Request, first: bool) -> Pair:
        if first:
            mine = self._one(self._name, request)
            return mine, self._one(self.reference, request)
        theirs = self._one(self.reference, request)
        return self._one(self._name, request), theirs

    def _one(self, name: str, request: Request) -> Answer:
        return require_answers(name, self._stage.fleet.ask(name, [request]))[0]

    def bank_answers(self) -> tuple[Answer, ...]:
        """The variant's greedy answers to `items`, generated once a session."""
        return self._bank_answers(self._name)

    def reference_bank_answers(self) -> tuple[Answer, ...]:
        """The reference's greedy answers to `items`."""
        return self._bank_answers(self.reference)

    def teacher_forced(self) -> Iterator[tuple[Item, Logits, Logits]]:
        """Item, the variant's logits and the reference's over the reference's own answer.

        Logits are (answer tokens, vocabulary); an item that the reference answers with nothing is
        left out. Only one item's logits are held at a time.
        """
        items = self.items[: self.plan.precision_items]
        for item, answer in zip(items, self.reference_bank_answers(), strict=False):
            if answer.token_ids:
                mine, theirs = self._pair(_scored(answer), first=False)
                assert mine.logits is not None
                assert theirs.logits is not None
                yield item, mine.logits, theirs.logits

    def memory_cycles(self, cycle: Sequence[Request]) -> tuple[list[int], int]:
        """Private bytes at the end of each of the plan's cycles, and the process's peak bytes."""
        return self._memory_cycles(self._name, cycle, self.plan.memory_cycles)

    def reference_peak(self, cycle: Sequence[Request]) -> int:
        """Peak bytes of the reference's process over the same cycles."""
        peaks = self._stage.peaks
        if self.reference not in peaks:
            self._memory_cycles(self.reference, cycle, self.plan.memory_cycles)
        return peaks[self.reference]

    def _memory_cycles(
        self, name: str, cycle: Sequence[Request], cycles: int
    ) -> tuple[list[int], int]:
        with self._stage.fleet.fresh(name) as runtime:
            run = runtime.run_cycles(cycle, cycles)
        if run.errors:
            raise _refusal(name, run.first_error)
        peak = max(it.peak_bytes for it in run.samples)
        self._stage.peaks[name] = peak
        return [it.private_bytes for it in run.samples], peak

    def long_prompt(self, length: int) -> tuple[int, ...]:
        """That many tokens of domain text, the items' one after the other and again."""
        text = " ".join(content for item in self.items[:200] for _, content in item.messages)
        tokens = self._stage.fleet.encode(self.reference, [text])[0]
        return tuple((tokens * (length // len(tokens) + 1))[:length])

    def foundry_answers(self) -> tuple[tuple[Item, ...], list[Answer], list[Answer]]:
        """Some items of every slice, the variant's answers and Foundry Local's."""
        chosen = _some_of_every_slice(self.items, self.plan.foundry_items)
        plan = [question(item) for item in chosen]
        mine = require_answers(self._name, self._stage.fleet.ask(self._name, plan))
        with self._stage.fleet.fresh(self._name, FOUNDRY_LOCAL) as foundry:
            theirs = require_answers(self._name, foundry.run(plan))
        return chosen, mine, theirs

    def _bank_answers(self, name: str) -> tuple[Answer, ...]:
        known = self._stage.answers
        if name not in known:
            plan = [question(item) for item in self.items]
            known[name] = tuple(require_answers(name, self._stage.fleet.ask(name, plan)))
        return known[name]


def shuffled(items: Sequence[Item], seed: int) -> tuple[Item, ...]:
    """Items in the random order of a seed, the same whatever order they came in the file.

    A chat that several have is there once: asked again, it is no evidence that was not there.
    """
    by_id = sorted(items, key=lambda item: item.id)
    ordered = list({item.messages: item for item in reversed(by_id)}.values())[::-1]
    return tuple(ordered[i] for i in _generator(seed, "items").permutation(len(ordered)))


def _generator(seed: int, purpose: str) -> np.random.Generator:
    digest = hashlib.sha256(purpose.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _refusal(name: str, why: str) -> RequestError:
    error = RequestError(f"{name} refused a request: {why}")
    error.variant = name
    return error


def _scored(answer: Answer) -> Request:
    tokens = answer.prompt_ids + answer.token_ids
    return Request(token_ids=tokens, score_from=len(answer.prompt_ids), fresh=False)


def _some_of_every_slice(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    by_slice: dict[str, list[Item]] = {}
    for item in items:
        by_slice.setdefault(item.slice, []).append(item)
    return tuple(item for group in by_slice.values() for item in group[:count])


def question(item: Item) -> Request:
    """An item as a request; the runtime may keep its generator, which gives the same tokens."""
    return Request(messages=item.messages, max_new_tokens=item.max_new_tokens, fresh=False)


def require_answers(name: str, answers: Sequence[Answer]) -> list[Answer]:
    """The answers, or RequestError with the first error among them."""
    for answer in answers:
        if answer.finish == Finish.ERROR:
            raise _refusal(name, answer.error)
    return list(answers)
