"""A runtime without a model: answers are a function of the request, faults are asked for.

For tests, and as a base for runtimes that do one thing wrong.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from harness.answer import Answer, Finish, Messages, Request, Sampling
from harness.errors import LoadError
from harness.metrics.likelihood import log_likelihoods

VOCABULARY = 257  # the bytes, and the end token
END = 256
CONTEXT_TOKENS = 512
SENTENCE_TOKENS = 8


class Scripted:
    """Tokens are bytes; after a prompt of n bytes come eight letters that n and its sum decide."""

    def __init__(self) -> None:
        self.answered = 0

    def load(self, directory: Path) -> None:
        """Any folder will do."""
        if not directory.is_dir():
            raise LoadError(f"no folder at {directory}")

    def answer(self, request: Request) -> Answer:
        """Answer one request, after `misbehave` had its turn."""
        started_ns, started_cpu_ns = time.perf_counter_ns(), time.process_time_ns()
        number, self.answered = self.answered, self.answered + 1
        self.misbehave(number, request)
        try:
            _refuse_senseless(request.sampling)
            prompt = self._prompt(request)
            likelihoods = _likelihoods(prompt, request.continuations)
        except ValueError as error:
            return Answer(finish=Finish.ERROR, error=str(error), started_ns=started_ns)
        tokens: tuple[int, ...] = ()
        finish, logits = Finish.SCORED, None
        if not request.is_scored:
            tokens, finish = _continue(prompt, request)
            if request.tell_logits or request.forced:
                tokens, logits = _told(prompt, tokens, request)
        elif request.score_from is not None:
            logits = _logits(prompt)[request.score_from - 1 : len(prompt) - 1]
        token_ns = np.array([time.perf_counter_ns() for _ in tokens], np.int64)
        return Answer(
            prompt_ids=tuple(prompt),
            token_ids=tokens,
            text=bytes(token for token in tokens if token != END).decode(errors="replace"),
            finish=finish,
            started_ns=started_ns,
            ended_ns=time.perf_counter_ns(),
            cpu_ns=time.process_time_ns() - started_cpu_ns,
            token_ns=token_ns,
            logits=logits,
            log_likelihoods=likelihoods,
            non_finite=0 if request.watch and finish is not Finish.SCORED else None,
        )

    def misbehave(self, number: int, request: Request) -> None:
        """Called before each answer with how many came before; here it does nothing."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The bytes of each text; UnicodeEncodeError for half a surrogate pair."""
        return [list(text.encode()) for text in texts]

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """The text of each sequence of bytes, with U+FFFD for what is none."""
        return [bytes(it for it in ids if it != END).decode(errors="replace") for ids in sequences]

    def render(self, messages: Messages) -> str:
        """One line of JSON for each message."""
        return "".join(json.dumps(message, ensure_ascii=False) + "\n" for message in messages)

    def close(self) -> None:
        """Nothing was loaded."""

    def _prompt(self, request: Request) -> list[int]:
        if request.token_ids is not None:
            prompt = list(request.token_ids)
        else:
            text = request.text if request.messages is None else self.render(request.messages)
            [prompt] = self.encode([text or ""])
        if not prompt:
            raise ValueError("the prompt is empty")
        needed = request.continuation_tokens if request.is_scored else 1
        if len(prompt) + needed > CONTEXT_TOKENS:
            raise ValueError(f"the prompt's {len(prompt)} tokens exceed {CONTEXT_TOKENS - needed}")
        return prompt


def _refuse_senseless(sampling: Sampling | None) -> None:
    """Raise ValueError for a temperature under 0 or none at all, and for too large a top_k."""
    if sampling and not (sampling.temperature is None or sampling.temperature >= 0):
        raise ValueError(f"the temperature is {sampling.temperature}")
    if sampling and sampling.top_k is not None and not 0 <= sampling.top_k <= VOCABULARY:
        raise ValueError(f"top_k is {sampling.top_k}, of {VOCABULARY} tokens")


def _continue(prompt: list[int], request: Request) -> tuple[tuple[int, ...], Finish]:
    limit = min(request.max_new_tokens, request.cancel_after or request.max_new_tokens)
    room = min(limit, CONTEXT_TOKENS - len(prompt))
    seed = len(prompt) + sum(prompt) + (request.sampling.seed if request.sampling else 0)
    cycle = [*(ord("a") + (seed + place) % 26 for place in range(SENTENCE_TOKENS)), END]
    tokens = tuple(cycle[place % len(cycle)] for place in range(room))
    if request.stop_at_end and END in tokens:
        return tokens[: tokens.index(END)], Finish.STOP
    return tokens, Finish.CANCELLED if room == limit < request.max_new_tokens else Finish.LENGTH


def _told(
    prompt: list[int], tokens: tuple[int, ...], request: Request
) -> tuple[tuple[int, ...], np.ndarray[tuple[int, int], np.dtype[np.float32]] | None]:
    """What comes of a request that tells its steps: the tokens, and their logits.

    Forced ones are chosen as the waves say.
    """
    after = request.forced or tokens
    rows = _logits([*prompt, *after])[len(prompt) - 1 : -1]
    chosen = tuple(int(row.argmax()) for row in rows) if request.forced else tokens
    return chosen, rows if request.tell_logits else None


def _logits(prompt: list[int]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """A wave for each position, which its own token and no later one moves."""
    phase = np.cumsum(np.array(prompt, np.float32))[:, None]
    return np.sin(phase + np.arange(VOCABULARY, dtype=np.float32)).astype(np.float32)


def _likelihoods(prompt: list[int], continuations: Sequence[tuple[int, ...]]) -> tuple[float, ...]:
    if not continuations:
        return ()

    def rest(ids: tuple[int, ...]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return _logits([*prompt, *ids])[len(prompt) : -1]

    return log_likelihoods(_logits(prompt)[-1:], rest, continuations)


class Crashing(Scripted):
    """Dies of `signal_name` at request `at`, counted from 0."""

    signal_name: ClassVar[str] = "SIGSEGV"
    at: ClassVar[int] = 2

    def misbehave(self, number: int, request: Request) -> None:
        """Kill ourselves."""
        if number == self.at:
            os.kill(os.getpid(), signal.Signals[self.signal_name])


class Killed(Crashing):
    """Dies as the out-of-memory killer ends a process."""

    signal_name = "SIGKILL"


class Aborting(Crashing):
    """Dies as a failed assertion of a native library does, leaving last words."""

    signal_name = "SIGABRT"

    def misbehave(self, number: int, request: Request) -> None:
        """Say why, first."""
        if number == self.at:
            os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
        super().misbehave(number, request)


class Exiting(Scripted):
    """Leaves with exit status 3 at request 2."""

    def misbehave(self, number: int, request: Request) -> None:
        """Leave."""
        if number == 2:
            os._exit(3)


class Hanging(Scripted):
    """Never answers request 2."""

    def misbehave(self, number: int, request: Request) -> None:
        """Wait for what never comes."""
        if number == 2:
            threading.Event().wait()


class Raising(Scripted):
    """Raises at request 2, which a runtime must not."""

    def misbehave(self, number: int, request: Request) -> None:
        """Raise."""
        if number == 2:
            raise OSError("the device is gone\nand more")


class Chatty(Scripted):
    """Prints to standard output on every request, as native libraries do."""

    def misbehave(self, number: int, request: Request) -> None:
        """Print, past Python too."""
        print("hello")
        os.write(1, b"hello from below\n")


class Slow(Scripted):
    """Burns two milliseconds before each answer."""

    def misbehave(self, number: int, request: Request) -> None:
        """Count on the clock: sleeping would be cheap where being slow is not."""
        due_ns = time.perf_counter_ns() + 2_000_000
        while time.perf_counter_ns() < due_ns:
            pass


class CrashingOnLoad(Scripted):
    """Dies of a segmentation fault while loading."""

    def load(self, directory: Path) -> None:
        """Kill ourselves."""
        os.kill(os.getpid(), signal.SIGSEGV)


class CrashingOnClose(Scripted):
    """Dies of a segmentation fault while closing."""

    def close(self) -> None:
        """Kill ourselves."""
        os.kill(os.getpid(), signal.SIGSEGV)


class HangingOnLoad(Scripted):
    """Never has loaded."""

    def load(self, directory: Path) -> None:
        """Wait for what never comes."""
        threading.Event().wait()


class Leaking(Scripted):
    """Keeps 64 KiB of every request."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[bytes] = []

    def misbehave(self, number: int, request: Request) -> None:
        """Keep pages that were written to: untouched ones would not be resident."""
        self.kept.append(bytes([1]) * 65536)
