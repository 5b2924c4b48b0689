"""The runtimes of a session: one child process a variant, started when it is first needed."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import TypeVar

from harness.answer import Answer, Messages, Request
from harness.device import Limits, reference_limits
from harness.errors import HarnessError, ModelError
from harness.patience import Patience
from harness.probes.folder import file_sizes
from harness.probes.host import usable_cores
from harness.probes.memory import available_bytes
from harness.release import Role
from harness.runtimes.isolated import Isolated
from harness.sharing import SAMPLE, Cost, ask_at_once, cost, worthwhile
from harness.variant import Variant

_PROCESS_SECONDS = 0.1  # to start one, before it loads anything
_SHARE_OF_MEMORY = 0.5  # of what is free, for copies
_T = TypeVar("_T")
_Hear = Callable[[str, Sequence[Request], Sequence[Answer]], None]


class Fleet:
    """Variants by name, each answering from a process of its own.

    A name whose variant could not be made raises the reason of that at every use. What a variant's
    process does wrong is raised as ModelError that says which variant it was. `hear` is told the
    name, the plan and the answers whenever the release's runtime has answered one. `limits` hold
    for the processes of the release's runtime, and for no other's. Without `is_chat` the model has
    no chats, and every process is asked plain text.
    """

    def __init__(
        self,
        variants: Mapping[str, Variant | HarnessError],
        factory: str,
        deadline_seconds: float,
        hear: _Hear | None = None,
        limits: Limits | None = None,
        is_chat: bool = True,
    ) -> None:
        self.is_chat = is_chat
        self._hear = hear
        self._limits = limits or Limits()
        self._variants = variants
        self._beside: dict[str, Variant | HarnessError] = {}
        self._factory = factory
        self.patience = Patience(deadline_seconds)
        self._running: dict[tuple[str, int], Isolated] = {}
        self._costs: dict[str, Cost] = {}
        self._hearing = threading.Lock()
        self._seating = threading.Lock()
        self._fresh = set[Isolated]()
        self._is_interrupted = False

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def variant(self, name: str) -> Variant:
        """The variant, or the error that says why there is none."""
        found = self._beside.get(name) or self._variants[name]
        if isinstance(found, HarnessError):
            raise found
        return found

    def add(self, name: str, make: Callable[[], Variant]) -> str:
        """Let what is no variant of the release answer too, and return the name to ask it by.

        It is made once; where that failed, its error is raised again and nothing is tried.
        """
        if name in self._variants:
            raise ValueError(f"{name} is a variant of the release already")
        if name not in self._beside:
            try:
                self._beside[name] = make()
            except HarnessError as error:
                self._beside[name] = error
        return self.variant(name).name

    def start(self, *names: str) -> None:
        """Start and load variants at the same time; what runs already is left as it is."""

        def start_one(name: str) -> None:
            with blame(name):
                self._runtime(name).ready()

        _each_at_once(start_one, names)

    def ask(self, name: str, plan: Sequence[Request], copy: int = 0) -> list[Answer]:
        """Answers to a plan, in order.

        Each `copy` of a variant is a process of its own, to measure a variant beside itself.
        """
        with blame(name):
            runtime = self._runtime(name, copy)
            return runtime.run(plan)

    def ask_shared(self, name: str, plan: Sequence[Request]) -> list[Answer]:
        """The same answers sooner: copies of the variant take a part each where cores are idle.

        Not for what is timed. The copies stay until `end_copies`.
        """
        answers = []
        if name not in self._costs:
            answers = self.ask(name, plan[:SAMPLE])
            self._costs[name] = cost(answers)
        rest = plan[len(answers) :]
        with blame(name):
            runtimes = [self._runtime(name, copy) for copy in range(self._copies(name, len(rest)))]
            return answers + ask_at_once(runtimes, rest, self._costs[name].seconds)

    def _copies(self, name: str, requests: int) -> int:
        """How many processes so many requests are worth, the first included."""
        first = self._runtime(name)
        start_seconds = 0.0 if (name, 1) in self._running else first.load_seconds + _PROCESS_SECONDS
        taken = first.memory().resident_bytes
        room = 1 + int(_SHARE_OF_MEMORY * available_bytes() / taken) if taken else 1
        cores = len(self._limits.processors) or usable_cores()
        return worthwhile(self._costs[name], requests, start_seconds, cores, room)

    def encode(self, name: str, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of texts by the variant's own tokenizer."""
        with blame(name):
            return self._runtime(name).encode(texts)

    def render(self, name: str, chats: Sequence[Messages]) -> list[str]:
        """Prompts that the variant's own chat template makes."""
        with blame(name):
            return self._runtime(name).render(chats)

    @contextlib.contextmanager
    def fresh(self, name: str, factory: str = "") -> Iterator[Isolated]:
        """A new process of the variant, for what must not see earlier requests.

        `factory` names another runtime than the release's.
        """
        with blame(name), self._start(name, factory or self._factory) as runtime:
            self._fresh.add(runtime)
            try:
                yield runtime
            finally:
                self._fresh.discard(runtime)

    def abort(self) -> None:
        """Kill every child process, whoever waits for it."""
        for runtime in [*self._running.values(), *self._fresh]:
            runtime.kill()

    def interrupt(self) -> None:
        """Kill every child process, and let none be started any more."""
        self._is_interrupted = True
        for runtime in [*self._running.values(), *self._fresh]:
            runtime.kill(for_good=True)

    def close(self) -> None:
        """End every child process."""
        running, self._running = self._running, {}
        _each_at_once(Isolated.close, list(running.values()))

    def end_copies(self, name: str) -> None:
        """End a variant's processes but the first, which is asked again and again."""
        for seat in [it for it in self._running if it[0] == name and it[1]]:
            self._running.pop(seat).close()

    def end(self, name: str) -> None:
        """End all of a variant's processes: asked again, it starts anew."""
        self.end_copies(name)
        if (name, 0) in self._running:
            self._running.pop((name, 0)).close()

    def _runtime(self, name: str, copy: int = 0) -> Isolated:
        with self._seating:
            if (name, copy) not in self._running:
                self._running[name, copy] = self._start(name, self._factory)
            return self._running[name, copy]

    def _start(self, name: str, factory: str) -> Isolated:
        directory = self.variant(name).directory
        made = _Heard(
            factory,
            directory,
            patience=self.patience,
            label=name,
            limits=self._limits_of(name) if factory == self._factory else None,
            is_chat=self.is_chat,
        )
        if self._hear is not None and factory == self._factory:
            made.hear = partial(self._tell, self._hear, name)
        if self._is_interrupted:
            made.kill(for_good=True)
        return made

    def _limits_of(self, name: str) -> Limits:
        variant = self.variant(name)
        if variant.recipe.role is not Role.REFERENCE:
            return self._limits
        return reference_limits(self._limits, sum(file_sizes(variant.directory).values()))

    def _tell(
        self, hear: _Hear, name: str, plan: Sequence[Request], answers: Sequence[Answer]
    ) -> None:
        with self._hearing:
            hear(name, plan, answers)


class _Heard(Isolated):
    """A runtime whose answers somebody may listen to."""

    hear: Callable[[Sequence[Request], Sequence[Answer]], None] | None = None

    def run(
        self, plan: Sequence[Request], *, deadline_seconds: float | None = None
    ) -> list[Answer]:
        answers = super().run(plan, deadline_seconds=deadline_seconds)
        if self.hear is not None:
            self.hear(plan, answers)
        return answers


def _each_at_once(do: Callable[[_T], None], those: Sequence[_T]) -> None:
    if those:
        with ThreadPoolExecutor(len(those)) as pool:
            list(pool.map(do, those))


@contextlib.contextmanager
def blame(name: str) -> Iterator[None]:
    """Say of a ModelError which variant's it was, where that is not said yet."""
    try:
        yield
    except ModelError as error:
        error.variant = error.variant or name
        raise
