"""What a suite measures with: one variant beside the reference, and the items to ask."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.errors import RequestError
from harness.fleet import Fleet
from harness.item import Item
from harness.measurement import Measurement
from harness.policy import Plan
from harness.runtimes.base import Answer, Finish, Request
from harness.runtimes.isolated import Isolated
from harness.variant import Variant

Pair = tuple[Answer, Answer]
"""The variant's answer and the reference's to the same request."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What all benches of a session share; `answers` is filled as variants answer the bank."""

    fleet: Fleet
    reference: str
    items: tuple[Item, ...]
    plan: Plan
    environment: str
    seed: int = 0
    source: Path | None = None
    tell: Callable[[str, int], None] = lambda what, total: None
    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)


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
        from harness.probes.folder import read_folder

        return int(read_folder(self.variant.directory).model["context_length"])

    @functools.cached_property
    def items(self) -> tuple[Item, ...]:
        """The bank in the session's random order, cut to the plan's number of items."""
        order = self.random("items").permutation(len(self._stage.items))
        bank = tuple(self._stage.items[index] for index in order)
        return bank[: self.plan.accuracy_items or None]

    def random(self, purpose: str) -> np.random.Generator:
        """A generator for one purpose, the same for every variant of the session."""
        digest = hashlib.sha256(purpose.encode()).digest()
        return np.random.default_rng([self._stage.seed, int.from_bytes(digest[:8], "big")])

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
        self._stage.tell(f"{self._suite} {self._name}", len(plan))
        return self._stage.fleet.ask(self._name, plan)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids by the variant's tokenizer."""
        return self._stage.fleet.encode(self._name, texts)

    def render(self, chats: Sequence[tuple[tuple[str, str], ...]]) -> list[str]:
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
        self._stage.tell(f"{self._suite} {self._name}", len(requests))
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

    def _bank_answers(self, name: str) -> tuple[Answer, ...]:
        known = self._stage.answers
        if name not in known:
            self._stage.tell(f"answers {name}", len(self.items))
            plan = [question(item) for item in self.items]
            known[name] = tuple(require_answers(name, self._stage.fleet.ask(name, plan)))
        return known[name]


def question(item: Item) -> Request:
    """An item as a request; the runtime may keep its generator, which gives the same tokens."""
    return Request(messages=item.messages, max_new_tokens=item.max_new_tokens, fresh=False)


def require_answers(name: str, answers: Sequence[Answer]) -> list[Answer]:
    """The answers, or RequestError with the first error among them."""
    for answer in answers:
        if answer.finish == Finish.ERROR:
            error = RequestError(f"{name} refused a request: {answer.error}")
            error.variant = name
            raise error
    return list(answers)
