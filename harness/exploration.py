"""Lets Hypothesis look for texts and chats that break a promise, and shrink what it finds."""

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from harness.conversation import BrokenPromiseError, Conversation, again, told
from harness.errors import HarnessError
from harness.past_failures import PastFailures

if TYPE_CHECKING:
    from hypothesis import settings
    from hypothesis.stateful import RuleBasedStateMachine
    from hypothesis.strategies import SearchStrategy

_TRIES_PER_EXAMPLE = 4  # to shrink what was found, for each example that looked for it
_SHRINK_SECONDS = 60.0  # and no longer: a real model takes seconds for a try
_CRASH_TRIES = 20  # a process that must be started again costs as much as so many tries
# Held by who is in Hypothesis, and given up while a variant answers: Python 3.11 cannot parse
# source in two threads at once, as Hypothesis does on import and when it describes a function.
_IN_HYPOTHESIS = threading.Lock()
_PIECES = (
    "e\u0301",
    "\u0338\u0489",
    "👩‍👩‍👧‍👦",
    "🇯🇵",
    "\u202e",
    "\u200f",
    "\ufeff",
    "\ufffd",
    "\ud83d",
    "{{ messages }}",
    "{% raw %}",
    "</s>",
    "<|im_start|>",
    "<|endoftext|>",
    "\r\n",
    "\\u0000",
    "%s%n",
    "9" * 40,
    " " * 40,
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How many examples are tried, in which order, and where those are kept that ever failed: these
    are tried first. `steps` is for chats.
    """

    examples: int
    seed: int
    past: PastFailures
    steps: int = 1


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found in how many tries: the smallest that breaks a promise, and which promise."""

    tried: int
    smallest: str = ""
    problem: str = ""

    @property
    def label(self) -> str:
        """Both as one phrase; empty when nothing was found."""
        return f"{self.smallest} ({self.problem})" if self.problem else ""


@dataclass(slots=True)
class _Search:
    """Counts what is tried and keeps what failed.

    Once nothing more shall be tried all else seems to be in order, which ends the shrinking.
    """

    left: int
    tried: int = 0
    failed: list[tuple[int, str, str]] = field(default_factory=list)
    over: float = math.inf
    trouble: HarnessError | None = None

    def attempt(self, action: Callable[[], None], describe: Callable[[], tuple[int, str]]) -> None:
        """Do it unless it is over; what it breaks is kept as described, and goes on to Hypothesis.

        A description is a size, by which the smallest is found, and words.
        """
        if self.trouble is not None or self.left <= 0 or time.monotonic() > self.over:
            return
        self.tried += 1
        self.left -= bool(self.failed)
        try:
            with _outside():
                action()
        except BrokenPromiseError as broken:
            self.left -= self._cost(str(broken))
            self.over = min(self.over, time.monotonic() + _SHRINK_SECONDS)
            self.failed.append((*describe(), str(broken)))
            raise
        except HarnessError as trouble:  # the machine's, or a model that does not load again
            self.trouble = trouble

    def _cost(self, problem: str) -> int:
        """In tries: a new process after a crash, and all that is left after a hang's deadline."""
        if problem.startswith("no progress"):
            return self.left
        return _CRASH_TRIES if problem.startswith("the process") else 0

    def discovery(self) -> Discovery:
        """The smallest that failed, of equals the last; raises what kept us from going on."""
        if self.trouble is not None:
            raise self.trouble
        if not self.failed:
            return Discovery(self.tried)
        _, smallest, problem = min(reversed(self.failed), key=lambda it: it[0])
        return Discovery(self.tried, smallest, problem)


def explore_texts(problem: Callable[[str], str], effort: Effort) -> Discovery:
    """Texts over all of Unicode but NUL, halves of characters too.

    `problem` says which promise one breaks, or nothing. Several threads may explore at once.
    """
    with _IN_HYPOTHESIS:
        return _explored_texts(problem, effort)


def _explored_texts(problem: Callable[[str], str], effort: Effort) -> Discovery:
    from hypothesis import given, seed

    search = _Search(_TRIES_PER_EXAMPLE * effort.examples)

    def require(text: str) -> None:
        if clause := problem(text):
            effort.past.add(text)
            raise BrokenPromiseError(clause)

    def attempt(text: str) -> None:
        search.attempt(lambda: require(text), lambda: (len(text), f"text {text!a}"))

    for text in effort.past.read():
        with contextlib.suppress(BrokenPromiseError):
            attempt(str(text))
    with _all_recorded():
        seed(effort.seed)(_settings(effort)(given(_texts())(attempt)))()
    return search.discovery()


def explore_chats(begin: Callable[[], Conversation], effort: Effort) -> Discovery:
    """Chats of up to so many steps: turns, cancelled and refused ones, and turns taken back.

    Several threads may explore at once.
    """
    with _IN_HYPOTHESIS:
        return _explored_chats(begin, effort)


def _explored_chats(begin: Callable[[], Conversation], effort: Effort) -> Discovery:
    from hypothesis import seed
    from hypothesis.stateful import run_state_machine_as_test

    search = _Search(_TRIES_PER_EXAMPLE * effort.examples * effort.steps)

    def attempt(chat: Conversation, step: Callable[[], None]) -> None:
        try:
            search.attempt(step, lambda: (len(chat.steps), f"chat: {told(chat.steps)}"))
        except BrokenPromiseError:
            effort.past.add(chat.steps)
            raise

    for steps in effort.past.read():
        chat = begin()
        with contextlib.suppress(BrokenPromiseError):
            attempt(chat, partial(again, chat, steps))
    with _all_recorded():
        machine = seed(effort.seed)(_machine(begin, attempt))
        run_state_machine_as_test(machine, settings=_settings(effort))
    return search.discovery()


def _machine(
    begin: Callable[[], Conversation],
    attempt: Callable[[Conversation, Callable[[], None]], None],
) -> "type[RuleBasedStateMachine]":
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, rule

    class Chat(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.chat = begin()

        @rule(text=_texts())
        def say(self, text: str) -> None:
            attempt(self.chat, lambda: self.chat.say(text))

        @rule(text=_texts(), after=st.integers(1, 4))
        def cancel(self, text: str, after: int) -> None:
            attempt(self.chat, lambda: self.chat.cancel(text, after))

        @rule()
        def overflow(self) -> None:
            attempt(self.chat, self.chat.overflow)

        @rule(turns=st.integers(1, 3))
        def take_back(self, turns: int) -> None:
            attempt(self.chat, lambda: self.chat.take_back(turns))

    return Chat


def _texts() -> "SearchStrategy[str]":
    from hypothesis import strategies as st

    free = st.text(st.characters(exclude_characters="\0"), max_size=20)
    return st.lists(free | st.sampled_from(_PIECES), max_size=6).map("".join)


def _settings(effort: Effort) -> "settings":
    """Silent, without a clock and a database, whatever this machine's own profile says.

    Hypothesis' own database is off where a seed is given, and no version of it reads another's.
    """
    from hypothesis import HealthCheck, Phase, Verbosity, settings

    return settings(
        max_examples=effort.examples,
        stateful_step_count=effort.steps,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        deadline=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )


@contextlib.contextmanager
def _outside() -> Iterator[None]:
    """Let others into Hypothesis meanwhile."""
    _IN_HYPOTHESIS.release()
    try:
        yield
    finally:
        _IN_HYPOTHESIS.acquire()


@contextlib.contextmanager
def _all_recorded() -> Iterator[None]:
    """What Hypothesis raises in the end was kept when it happened; what failed but once too."""
    from hypothesis.errors import Flaky

    with contextlib.suppress(BrokenPromiseError, Flaky):
        yield
