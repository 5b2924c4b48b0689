"""Runtimes with made-up clocks, to see what the scaling suite makes of times.

Each is itself for every variant but the one whose folder is called "damaged".
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.answer import Answer, Finish, Request
from harness.runtimes.scripted import Scripted

LONG = 200  # tokens


class Paced(Scripted):
    """A first token costs 1 ms and 30 us for each of the prompt, every other one 0.2 ms."""

    def __init__(self) -> None:
        super().__init__()
        self.random = np.random.default_rng()
        self.is_damaged = False

    def load(self, directory: Path) -> None:
        super().load(directory)
        self.is_damaged = directory.name == "damaged"
        self.random = np.random.default_rng(len(directory.name))

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        first, between = self.costs_ms(len(answer.prompt_ids))
        gaps = np.array([first, *[between] * (len(answer.token_ids) - 1)])
        noise = self.random.lognormal(0, 0.02)
        token_ns = np.cumsum(gaps * noise * 1e6).astype(np.int64)[: len(answer.token_ids)]
        ended_ns = int(token_ns[-1]) if token_ns.size else 1
        return replace(answer, started_ns=0, ended_ns=ended_ns, token_ns=token_ns)

    def costs_ms(self, length: int) -> tuple[float, float]:
        return 1 + 0.03 * length, 0.2


class Doubling(Paced):
    """Takes twice as long for the first token of a long prompt."""

    def costs_ms(self, length: int) -> tuple[float, float]:
        first, between = super().costs_ms(length)
        return first * (2 if self.is_damaged and length >= LONG else 1), between


class Dragging(Paced):
    """Takes twice as long between the tokens after a long prompt."""

    def costs_ms(self, length: int) -> tuple[float, float]:
        first, between = super().costs_ms(length)
        return first, between * (2 if self.is_damaged and length >= LONG else 1)


class Tiring(Paced):
    """Takes twice as long once it has seen enough long prompts."""

    seen = 0
    enough = 8

    def costs_ms(self, length: int) -> tuple[float, float]:
        self.seen += length >= LONG
        factor = 2 if self.is_damaged and self.seen > self.enough and length < LONG else 1
        first, between = super().costs_ms(length)
        return first * factor, between * factor


class LateTiring(Tiring):
    """Has seen enough only with the last of them: 35 that are timed, after 4 that are compared."""

    enough = 38


class Forgetful(Paced):
    """Drops the first token of a long prompt."""

    def answer(self, request: Request) -> Answer:
        if self.is_damaged and len(request.token_ids or ()) >= LONG:
            request = replace(request, token_ids=(request.token_ids or ())[1:])
        return super().answer(request)


class Rewound(Paced):
    """Its clock steps back after a long prompt."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if self.is_damaged and len(answer.prompt_ids) >= LONG:
            answer.token_ns[-1:] = 0
        return answer


class Wandering(Paced):
    """Its logits of long prompts are a little off."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if answer.finish != Finish.SCORED or answer.logits is None:
            return answer
        off = 0.5 if self.is_damaged and len(answer.prompt_ids) >= LONG else 0.05
        noise = self.random.normal(0, off * self.is_damaged, answer.logits.shape)
        return replace(answer, logits=(answer.logits + noise).astype(np.float32))


class Overflowing(Paced):
    """One of its logits of long prompts is infinite."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if self.is_damaged and answer.logits is not None and len(answer.prompt_ids) >= LONG:
            answer.logits[0, 0] = np.inf
        return answer
