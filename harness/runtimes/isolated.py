"""A runtime in a child process, whose crash or hang is an error here and nothing more."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from harness.answer import Answer, Messages, Request
from harness.device import Limits
from harness.errors import (
    CrashError,
    HangError,
    HarnessError,
    InfrastructureError,
    LoadError,
    ModelError,
)
from harness.patience import Patience
from harness.probes.folder import file_sizes
from harness.probes.memory import Memory, read_memory
from harness.runtimes.caps import cap_words, room_words, says_out_of_memory
from harness.runtimes.channel import Cycles, Hold, Question, Reload
from harness.runtimes.child import Child, ChildDiedError, ChildKilledError, ChildStuckError
from harness.runtimes.ending import describe_exit, describe_request
from harness.runtimes.progress import CLOSING, LOADING, STARTING

_STAGES = {STARTING: "at its start", LOADING: "while loading", CLOSING: "while closing"}
_LOADS = ("start", "reload")
_MEMORY = Question("memory")


class Isolated:
    """One variant's runtime in a process of its own, started at the first use.

    Any use may raise CrashError (a signal, or an exit that nobody asked for) or HangError; the next
    use starts a new process, which raises LoadError, ConfigError (the factory cannot be made) or
    InfrastructureError when it cannot. Messages begin with `label`.
    """

    def __init__(
        self,
        factory: str,
        directory: Path,
        *,
        patience: Patience | float = 120.0,
        label: str = "",
        limits: Limits | None = None,
        is_chat: bool = True,
    ) -> None:
        """Nothing is started yet. Patience, or its seconds, is for a load or for one request.

        Without `is_chat` prompts are plain text, as `harness.runtimes.plain_text` makes them.
        """
        self._is_chat = is_chat
        self._limits = limits or Limits()
        self.load_seconds = 0.0
        self._factory = factory
        self._directory = directory
        self._patience = patience if isinstance(patience, Patience) else Patience(patience)
        self._label = label or directory.name
        self._child: Child | None = None
        self._is_ended = False
        self._asking = threading.RLock()  # variants that are asked at once may share a process

    def start(self) -> float:
        """Start and load anew, ending a process that runs; seconds of the load alone."""
        with self._asking:
            self.close()
            self._started()
            return self.load_seconds

    def ready(self) -> None:
        """Start and load what does not run yet."""
        with self._asking:
            self._started()

    def run(
        self, plan: Sequence[Request], *, deadline_seconds: float | None = None
    ) -> list[Answer]:
        """An answer to each request of the plan, in its order."""
        plan = tuple(plan)
        patience = deadline_seconds or self._patience.of(plan)
        return cast(list[Answer], self._ask(Question("run", (plan,)), patience))

    def run_cycles(
        self, plan: Sequence[Request], cycles: int, *, allowed_bytes: int | None = None
    ) -> Cycles:
        """The plan again and again, its answers dropped; trimmed memory after each time.

        Ends early when private memory has grown by more than is allowed.
        """
        question = Question("cycle", (tuple(plan), cycles, allowed_bytes))
        return cast(Cycles, self._ask(question, self._patience.of(plan)))

    def run_tokenizer_cycles(
        self, plan: Sequence[Request], cycles: int, *, allowed_bytes: int | None = None
    ) -> Cycles:
        """The same, but the requests' chats are rendered and encoded and that is all."""
        question = Question("cycle_tokenizer", (tuple(plan), cycles, allowed_bytes))
        return cast(Cycles, self._ask(question))

    def hold(self, token_ids: Sequence[int], new_tokens: int) -> Hold:
        """Memory while the context of a prompt and its answer is held, and after.

        The new tokens, two at least, are part of the context: they push out the prompt's logits.
        """
        request = Request(
            token_ids=tuple(token_ids), max_new_tokens=new_tokens, stop_at_end=False, hold=True
        )
        return cast(Hold, self._ask(Question("hold", ((request,),)), self._patience.of([request])))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text; raises RequestError where the tokenizer refuses one."""
        return cast(list[list[int]], self._ask(Question("encode", (tuple(texts),))))

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of token ids; RequestError where the tokenizer refuses one."""
        return cast(list[str], self._ask(Question("decode", (tuple(sequences),))))

    def render(self, messages: Sequence[Messages]) -> list[str]:
        """The prompt of each chat; raises RequestError where the template refuses one."""
        return cast(list[str], self._ask(Question("render", (tuple(messages),))))

    def settled(self) -> Memory:
        """Memory of the child, garbage collected and freed memory given back to the system."""
        return cast(Memory, self._ask(Question("settled")))

    def reload(self) -> Reload:
        """Close and load in the same process: the warm load, and what it did to memory."""
        try:
            reload = cast(Reload, self._ask(Question("reload")))
        except LoadError:
            self.close()
            raise
        self.load_seconds = reload.load_seconds
        return reload

    def memory(self) -> Memory:
        """Memory of the child, read from outside; its peak is its own where only it can tell."""
        with self._asking:
            child = self._started()
        try:
            found = read_memory(child.pid)
        except ProcessLookupError as error:
            how = describe_exit(child.returncode or 0)
            raise self._crash(child, how, _MEMORY) from error
        if found.peak_bytes is not None:
            return found
        return replace(found, peak_bytes=cast(Memory, self._ask(_MEMORY)).peak_bytes)

    def close(self) -> None:
        """End the child, gently if it lets itself; what is closed may be used again."""
        with self._asking:
            child, self._child = self._child, None
        if child is not None:
            child.close()

    def kill(self, for_good: bool = False) -> None:
        """End the child at once, even while another thread waits for its answer.

        Who asks after it was ended for good, or waits, gets an InfrastructureError: it did not die.
        """
        self._is_ended = self._is_ended or for_good
        child = self._child
        if child is not None:
            child.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _started(self) -> Child:
        if self._is_ended:
            raise self._ended()
        if self._child is None:
            self._child = Child(self._factory, self._directory, self._limits, self._is_chat)
            try:
                self.load_seconds = cast(float, self._ask(Question("start")))
            except HarnessError:
                self.close()
                raise
        return self._child

    def _ask(self, question: Question, deadline_seconds: float | None = None) -> object:
        """One question and its reply, every end of the child translated."""
        with self._asking:
            return self._ask_alone(question, deadline_seconds)

    def _ask_alone(self, question: Question, deadline_seconds: float | None) -> object:
        child = self._started() if question.method != "start" else cast(Child, self._child)
        deadline_seconds = deadline_seconds or self._usual_seconds(question)
        try:
            reply = child.ask(question, deadline_seconds)
        except ChildDiedError as died:
            raise self._crash(child, died, question) from died
        except ChildStuckError as stuck:
            raise self._hang(child, question, deadline_seconds) from stuck
        except BaseException:  # raised again: only the child goes, whose late reply is stale
            self._forget(child)
            raise
        if isinstance(reply, ModelError):
            raise type(reply)(f"{self._label}: {reply}")
        if isinstance(reply, HarnessError):
            raise reply
        return reply

    def _usual_seconds(self, question: Question) -> float:
        """How long to wait where no request says it; what is loaded is as large as the folder."""
        if question.method in _LOADS:
            return self._patience.of_load(sum(file_sizes(self._directory).values()))
        return self._patience.of(())

    def _crash(self, child: Child, how: object, question: Question) -> HarnessError:
        if self._is_ended:  # by us: what it wrote is gone
            self._child = None
            return self._ended()
        words = f"; its last words: {child.last_words!r}" if child.last_words else ""
        if limit := self._limits.memory_bytes:
            is_told = says_out_of_memory(child.last_words)
            words += f" ({cap_words(limit)})" if is_told else f"; {room_words(limit)}"
        position = child.position
        self._forget(child)
        if isinstance(how, ChildKilledError) and _is_the_gates_own(position, question):
            return InfrastructureError(
                f"{self._label}: the process {how} {_where(position, question)}, where no "
                f"application would be: give this machine more free memory{words}"
            )
        if position == STARTING:
            return InfrastructureError(f"the worker process {how} before it loaded anything{words}")
        return CrashError(f"{self._label}: the process {how} {_where(position, question)}{words}")

    def _ended(self) -> InfrastructureError:
        return InfrastructureError(
            f"{self._label}: its process was ended, for the user interrupted"
        )

    def _hang(self, child: Child, question: Question, deadline_seconds: float) -> HangError:
        where = _where(child.position, question)
        self._forget(child)
        return HangError(f"{self._label}: no progress within {deadline_seconds:g} s {where}")

    def _forget(self, child: Child) -> None:
        self._child = None
        child.kill()


def _is_the_gates_own(position: int, question: Question) -> bool:
    """Whether a process was idle, or gave logits of whole prompts: nobody else asks for these."""
    if position in _STAGES:
        return False
    if position < 0:
        return True
    plan = cast(tuple[Request, ...], question.arguments[0])
    return plan[position % len(plan)].is_scored


def _where(position: int, question: Question) -> str:
    """Where the child was when it ended, as the end of a sentence."""
    if position in _STAGES:
        return _STAGES[position]
    if position < 0:
        return f"between requests, asked to {question.method}"
    plan = cast(tuple[Request, ...], question.arguments[0])
    number = position % len(plan)  # cycles count on
    return f"at request {number + 1} of {len(plan)} ({describe_request(plan[number])})"
