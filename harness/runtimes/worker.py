"""The child process: loads one runtime, answers whole plans, and says where it is.

``python -m harness.runtimes.worker FACTORY DIRECTORY PROGRESS LIMITS CHATS``, started by
`harness.runtimes.child` only.
"""

import contextlib
import gc
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import IO

from harness.answer import Answer, Finish, Messages, Request
from harness.device import Limits
from harness.errors import HarnessError, InfrastructureError, LoadError, ModelError, RequestError
from harness.probes.memory import Memory, read_own_memory
from harness.runtimes.base import Runtime, one_line
from harness.runtimes.caps import MemoryCap, pin, says_out_of_memory
from harness.runtimes.channel import Cycles, Hold, Question, Reload, read, write
from harness.runtimes.factory import make_runtime
from harness.runtimes.plain_text import PlainText
from harness.runtimes.progress import CLOSING, IDLE, LOADING, Progress

_Asking = Callable[[int, Request], str]
"""Does what is to be done for one request, by its number; the error if there was one."""


@dataclass(slots=True)
class _Errors:
    """How many there were, and the first: to keep them all would look like a leak."""

    count: int = 0
    first: str = ""

    def add(self, error: str) -> None:
        self.count += bool(error)
        self.first = self.first or error


class Worker:
    """What may be asked of the child: each public method is one question."""

    def __init__(
        self,
        factory: str,
        directory: Path,
        progress: Progress,
        limits: Limits | None = None,
        is_chat: bool = True,
    ) -> None:
        self._is_chat = is_chat
        self._limits = limits or Limits()
        self._cap = MemoryCap(self._limits.memory_bytes)
        self._factory = factory
        self._directory = directory
        self._progress = progress
        self._runtime: Runtime

    def start(self) -> float:
        """Make the runtime and load the variant; seconds of the load alone."""
        pin(self._limits)
        runtime = make_runtime(self._factory, self._limits.threads)
        self._runtime = runtime if self._is_chat else PlainText(runtime)
        self._cap.put_on()
        return self._load()

    def run(self, plan: Sequence[Request]) -> list[Answer]:
        """Answer every request, garbage collection off."""
        with self._undisturbed():
            return [self._answer(number, request) for number, request in enumerate(plan)]

    def cycle(self, plan: Sequence[Request], cycles: int, allowed_bytes: int | None) -> Cycles:
        """Answer the plan again and again, dropping the answers; memory after each time.

        Ends early when private memory has grown by more than is allowed.
        """
        return self._cycles(self._error_of, plan, cycles, allowed_bytes)

    def cycle_tokenizer(
        self, plan: Sequence[Request], cycles: int, allowed_bytes: int | None
    ) -> Cycles:
        """The same with nothing but the prompts' rendering and encoding."""
        return self._cycles(self._tokenize, plan, cycles, allowed_bytes)

    def hold(self, plan: Sequence[Request]) -> Hold:
        """Memory while the only request's context is held, and after the next let it go."""
        [request] = plan
        answer = self._answer(0, request)
        if answer.finish == Finish.ERROR:
            raise RequestError(answer.error)
        held = self.settled()
        self._answer(0, Request(token_ids=answer.prompt_ids[:1], max_new_tokens=1))
        return Hold(held, self.settled())

    def settled(self) -> Memory:
        """Memory that somebody holds: garbage is collected and free memory given back before."""
        import psutil

        gc.collect()
        if hasattr(psutil, "heap_trim"):  # where the C library can
            psutil.heap_trim()
        return read_own_memory()

    def memory(self) -> Memory:
        """Memory as it is, garbage and all."""
        return read_own_memory()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text."""
        with _refusals():
            return self._runtime.encode(texts)

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of token ids."""
        with _refusals():
            return self._runtime.decode(sequences)

    def render(self, chats: Sequence[Messages]) -> list[str]:
        """The prompt of each chat."""
        with _refusals():
            return [self._runtime.render(messages) for messages in chats]

    def reload(self) -> Reload:
        """Close the runtime and load it again: the warm load."""
        before = self.settled()
        self.close()
        closed = self.settled()
        seconds = self._load()
        return Reload(seconds, before, closed, self.settled())

    def out_of_memory(self, why: str) -> ModelError | None:
        """The variant's fault, where an error says that the device leaves no memory; else None."""
        explained = self._cap.explain(why)
        return None if explained == why else ModelError(explained)

    def close(self) -> None:
        """Give back what was loaded."""
        self._progress.write(CLOSING)
        self._runtime.close()
        gc.unfreeze()
        self._progress.write(IDLE)

    def _load(self) -> float:
        """Seconds; what is there then is no garbage, and each plan's collection passes it over."""
        self._progress.write(LOADING)
        started_ns = time.perf_counter_ns()
        try:
            self._runtime.load(self._directory)
        except LoadError as error:
            raise LoadError(self._cap.explain(str(error))) from error
        except HarnessError:
            raise
        except Exception as error:  # the runtime is anybody's and may raise anything
            why = f"{type(error).__name__}: {one_line(error)}"
            raise LoadError(self._cap.explain(why)) from error
        ended_ns = time.perf_counter_ns()
        gc.collect()
        gc.freeze()
        self._progress.write(IDLE)
        return (ended_ns - started_ns) / 1e9

    def _cycles(
        self, ask: _Asking, plan: Sequence[Request], cycles: int, allowed_bytes: int | None
    ) -> Cycles:
        errors = _Errors()
        with _frozen():
            samples, seconds = [self.settled()], list[float]()
            while len(seconds) < cycles and _is_allowed(samples, allowed_bytes):
                seconds.append(self._one_cycle(ask, plan, len(seconds) * len(plan), errors))
                samples.append(self.settled())
        asked = len(plan) * len(seconds)
        return Cycles(tuple(samples[1:]), tuple(seconds), asked, errors.count, errors.first)

    def _one_cycle(
        self, ask: _Asking, plan: Sequence[Request], first: int, errors: "_Errors"
    ) -> float:
        with self._undisturbed():
            started_ns = time.perf_counter_ns()
            for number, request in enumerate(plan, first):
                errors.add(ask(number, request))
            return (time.perf_counter_ns() - started_ns) / 1e9

    def _error_of(self, number: int, request: Request) -> str:
        answer = self._answer(number, request)
        return answer.error if answer.finish == Finish.ERROR else ""

    def _tokenize(self, number: int, request: Request) -> str:
        self._progress.write(number)
        try:
            with _refusals():
                text = self._runtime.render(request.messages or ())
                self._runtime.encode([text])
        except RequestError as error:
            return str(error)
        return ""

    def _answer(self, number: int, request: Request) -> Answer:
        self._progress.write(number)
        if request.is_scored:  # logits of whole prompts, which no application asks for
            self._cap.take_off()
        try:
            answer = self._runtime.answer(request)
        except InfrastructureError:  # the machine's fault is no answer of the model's
            raise
        except Exception as error:  # a foreign runtime may raise: the rest of the plan goes on
            answer = Answer(finish=Finish.ERROR, error=f"{type(error).__name__}: {one_line(error)}")
        if request.is_scored and isinstance(answer, Answer) and says_out_of_memory(answer.error):
            tokens = len(request.token_ids or answer.prompt_ids)
            raise InfrastructureError(
                f"this machine has no memory for the logits of a prompt of {tokens:,} tokens, "
                f"which only the gate asks for: {answer.error}"
            )
        return self._explained(answer)

    def _explained(self, answer: Answer) -> Answer:
        """With the figures, where it was refused because there was no memory to be had."""
        if not isinstance(answer, Answer) or answer.finish != Finish.ERROR:
            return answer
        return replace(answer, error=self._cap.explain(answer.error))

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        gc.collect()
        gc.disable()
        try:
            yield
        finally:
            gc.enable()
            self._progress.write(IDLE)


@contextlib.contextmanager
def _frozen() -> Iterator[None]:
    """Leave what lives already out of garbage collections, which else outlast the requests."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _is_allowed(samples: Sequence[Memory], allowed_bytes: int | None) -> bool:
    # What the first cycle takes an engine keeps, and uses again.
    first, last = samples[min(1, len(samples) - 1)].private_bytes, samples[-1].private_bytes
    if allowed_bytes is None or first is None or last is None:
        return True
    return last - first <= allowed_bytes


def serve(worker: Worker, questions: IO[bytes], replies: IO[bytes]) -> None:
    """Reply to each question with its value, or with the error to raise, until told to close."""
    asked: queue.SimpleQueue[Question] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions, asked), daemon=True).start()
    while True:
        question = asked.get()
        write(replies, _reply(worker, question))
        if question.method == "close":
            return


def _listen(questions: IO[bytes], asked: "queue.SimpleQueue[Question]") -> None:
    """Pass questions on; when the gate is gone, end the process whatever it is doing."""
    while True:
        try:
            question = read(questions)
        except (EOFError, OSError, UnpicklingError):
            os._exit(1)
        assert isinstance(question, Question)
        asked.put(question)
        if question.method == "close":
            return


def _reply(worker: Worker, question: Question) -> object:
    try:
        return getattr(worker, question.method)(*question.arguments)
    except HarnessError as error:
        return error
    except Exception as error:  # what runtimes raise is translated where they are called
        why = f"{type(error).__name__}: {one_line(error)}"
        return worker.out_of_memory(why) or InfrastructureError(f"the worker process failed: {why}")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Whatever a foreign runtime raises within is its refusal of a request."""
    try:
        yield
    except HarnessError:
        raise
    except Exception as error:  # the runtime is anybody's and may raise anything
        raise RequestError(f"{type(error).__name__}: {one_line(error)}") from error


def _claim(descriptor: int, mode: str, replacement: int) -> IO[bytes]:
    """Take a standard stream for ourselves, and leave another in its place.

    What a native library prints must not end up among the replies.
    """
    mine: IO[bytes] = os.fdopen(os.dup(descriptor), mode)
    os.dup2(replacement, descriptor)
    return mine


def main(factory: str, directory: str, progress: str, limits: str, chats: str) -> None:
    """Serve until the gate closes the worker or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's is the gate's to handle
    nothing = os.open(os.devnull, os.O_RDONLY)
    questions = _claim(0, "rb", nothing)
    replies = _claim(1, "wb", 2)
    place, stage = Path(directory), Progress(Path(progress))
    worker = Worker(factory, place, stage, _limits(limits), json.loads(chats))
    serve(worker, questions, replies)


def _limits(text: str) -> Limits:
    processors, threads, memory_bytes = json.loads(text)
    return Limits(tuple(processors), threads, memory_bytes)


if __name__ == "__main__":
    main(*sys.argv[1:])
