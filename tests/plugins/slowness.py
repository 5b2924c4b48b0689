"""Ways in which answers are slow, put into their time stamps; nobody sleeps.

`Timed` is a runtime with made-up clocks, whose folder's name says which way is its own. Its noise
is the same in every session: it follows from the folder's name and from how often it was loaded,
which files in the folder that `LOADS` names in the environment keep.
"""

import os
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from harness.answer import Answer, Finish, Request
from harness.runtimes.scripted import Scripted

MS = 1_000_000
LOADS = "SLM_TEST_LOADS"

Slow = Callable[[Answer, int], Answer]
"""The answer as it would be, and how many came before it in this process."""


def paced(answer: Answer, first_ms: float, gaps_ms: np.ndarray) -> Answer:
    """The answer with such times."""
    stamps = answer.started_ns + np.cumsum([first_ms, *gaps_ms]) * MS
    token_ns = stamps.astype(np.int64)
    return replace(answer, token_ns=token_ns, ended_ns=int(token_ns[-1]))


def _times(answer: Answer) -> tuple[float, np.ndarray]:
    return float(answer.token_ns[0] - answer.started_ns) / MS, np.diff(answer.token_ns) / MS


def late_first(answer: Answer, number: int, every: int, factor: float) -> Answer:
    """One first token of so many takes longer."""
    if number % every or not answer.token_ns.size:
        return answer
    first, gaps = _times(answer)
    return paced(answer, factor * first, gaps)


def dear_after(answer: Answer, number: int, token: int, factor: float) -> Answer:
    """From one token on each costs more."""
    if answer.token_ns.size <= token:
        return answer
    first, gaps = _times(answer)
    return paced(answer, first, gaps * np.where(np.arange(gaps.size) >= token - 1, factor, 1.0))


def dearer_with_use(answer: Answer, number: int, per_hundred: float) -> Answer:
    """Each request takes a little more time than the one before."""
    if not answer.token_ns.size:
        return answer
    first, gaps = _times(answer)
    factor = 1 + (per_hundred - 1) * number / 100
    return paced(answer, factor * first, factor * gaps)


def stuttering(answer: Answer, number: int, every: int, factor: float) -> Answer:
    """One token of so many takes longer."""
    if answer.token_ns.size < 2:
        return answer
    first, gaps = _times(answer)
    turn = (np.arange(gaps.size) + 7 * number) % every == 0
    return paced(answer, first, gaps * np.where(turn, factor, 1.0))


def stalled(answer: Answer, number: int, every: int, seconds: float) -> Answer:
    """One answer of so many starts late by seconds."""
    if number % every or not answer.token_ns.size:
        return answer
    first, gaps = _times(answer)
    return paced(answer, first + 1e3 * seconds, gaps)


def lazy(answer: Answer, number: int, token: int, seconds: float) -> Answer:
    """One token of the first answer of a process waits for what the load put off."""
    if number or answer.token_ns.size <= token:
        return answer
    first, gaps = _times(answer)
    late = 1e3 * seconds * (np.arange(gaps.size + 1) == token)
    return paced(answer, first + late[0], gaps + late[1:])


def other_shares(answer: Answer, number: int, first: float, whole: float) -> Answer:
    """The first token and the whole answer take other shares of their time."""
    before, gaps = _times(answer)
    left = whole * (before + gaps.sum()) - first * before
    return paced(answer, first * before, gaps * left / gaps.sum())


WAYS: dict[str, Slow] = {
    "late-first": partial(late_first, every=10, factor=8.0),
    "late-first-little": partial(late_first, every=8, factor=4.5),  # p95 is 1.7 medians anyway
    "dear-end": partial(dear_after, token=40, factor=3.0),
    "dear-end-little": partial(dear_after, token=40, factor=2.0),
    "tiring": partial(dearer_with_use, per_hundred=1.26),
    "tiring-little": partial(dearer_with_use, per_hundred=1.13),
    # int4 takes 0.3 to 0.6 of the reference's time, whose own 99 % quantile is twice its median.
    "stuttering": partial(stuttering, every=12, factor=20.0),
    "stuttering-little": partial(stuttering, every=30, factor=14.0),
    "stalling": partial(stalled, every=21, seconds=3.0),  # fewer than the 95 % quantile sees
    "stalling-little": partial(stalled, every=21, seconds=0.5),
    "lazy": partial(lazy, token=0, seconds=30.0),
    "lazy-decoder": partial(lazy, token=1, seconds=30.0),
    "dear-first": partial(other_shares, first=1.3, whole=0.5),
    "dear-rest": partial(other_shares, first=0.5, whole=1.2),
    "slow": partial(other_shares, first=1.0, whole=30.0),
}


EVERY_OTHER: dict[str, Slow] = {"restless": partial(dearer_with_use, per_hundred=4.0)}
"""Ways of every other process alone: one starts so, the next one does not."""


def _load(directory: Path) -> int:
    """How many times a folder of this name was loaded, this time too."""
    with (Path(os.environ[LOADS]) / directory.name).open("ab") as loads:
        loads.write(b".")
        return loads.tell()


def _process(directory: Path) -> int:
    """How many processes loaded a folder of this name before this one."""
    known = Path(os.environ[LOADS]) / f"{directory.name}.processes"
    before = known.read_text().split() if known.exists() else []
    if str(os.getpid()) not in before:
        before.append(str(os.getpid()))
        known.write_text(" ".join(before))
    return before.index(str(os.getpid()))


class Timed(Scripted):
    """First token 2 ms and others 1 ms, with the noise of processes (2 %) and of answers (5 %)."""

    def load(self, directory: Path) -> None:
        super().load(directory)
        self.random = np.random.default_rng([zlib.crc32(directory.name.encode()), _load(directory)])
        self.level = float(self.random.lognormal(0, 0.02))
        self.way = WAYS.get(directory.name)
        if _process(directory) % 2 == 0:
            self.way = EVERY_OTHER.get(directory.name, self.way)

    def answer(self, request: Request) -> Answer:
        number, self.answered = self.answered, self.answered + 1
        prompt = tuple(str(request.messages).encode())
        own = 12 + sum(prompt) % 20
        count = min(own, request.max_new_tokens) if request.stop_at_end else request.max_new_tokens
        gaps = np.full(count - 1, 1.0) * self.random.lognormal(0, 0.05, count - 1)
        found = Answer(
            prompt_ids=prompt,
            token_ids=(97,) * count,
            text="a" * count,
            finish=Finish.STOP if request.stop_at_end else Finish.LENGTH,
            started_ns=MS,
            cpu_ns=MS,
            token_ns=np.zeros(count, np.int64),
        )
        found = paced(found, self.level * 2 * self.random.lognormal(0, 0.05), self.level * gaps)
        return self.way(found, number) if self.way else found
