"""Runtimes that do wrong on purpose, to see that a session goes on and says so.

Each is itself for every variant but the one whose folder is called "damaged".
"""

import ctypes
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.answer import Answer, Request
from harness.runtimes.ort_genai import OrtGenAI
from tests import weight_damage
from tests.plugins.slowness import WAYS, Slow

LONG = 1000  # tokens; the scaling ladder has longer prompts, the domain has not


class Plant(OrtGenAI):
    """A runtime that `fault` may keep from answering."""

    is_damaged = False

    def load(self, directory: Path) -> None:
        self.is_damaged = directory.name == "damaged"
        super().load(directory)

    def answer(self, request: Request) -> Answer:
        if self.is_damaged:
            self.fault(request)
        return super().answer(request)

    def fault(self, request: Request) -> None:
        raise NotImplementedError


class DiesOfLongPrompts(Plant):
    def fault(self, request: Request) -> None:
        if len(request.token_ids or ()) > LONG:
            os.kill(os.getpid(), signal.SIGSEGV)


class PrefillsTwice(Plant):
    """Does the work of a prompt of `LONG` tokens or more twice (onnxruntime-genai issue 1910)."""

    def answer(self, request: Request) -> Answer:
        first = super().answer(request)
        if not self.is_damaged or len(first.prompt_ids) < LONG or request.is_scored:
            return first
        return replace(super().answer(request), started_ns=first.started_ns)

    def fault(self, request: Request) -> None:
        pass


class Slowed(Plant):
    """Its stamps say that it is slow in one of the ways that `tests.plugins.slowness` has."""

    way: Slow

    def load(self, directory: Path) -> None:
        super().load(directory)
        self.answered = 0

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        number, self.answered = self.answered, self.answered + 1
        return type(self).way(found, number) if self.is_damaged else found

    def fault(self, request: Request) -> None:
        pass


def slow(name: str) -> type[Slowed]:
    """A runtime that is slow in the way of that name."""
    return type("Slowed", (Slowed,), {"way": staticmethod(WAYS[name])})


class KilledForMemory(Plant):
    """Killed as the out-of-memory killer does, by a request that scores."""

    def fault(self, request: Request) -> None:
        if request.is_scored:
            os.kill(os.getpid(), signal.SIGKILL)


class HangsAtScoring(Plant):
    def fault(self, request: Request) -> None:
        if request.is_scored:
            threading.Event().wait()


class DecodesTokenByToken(Plant):
    """Decodes each token for itself, so that a character of many is lost (genai issue 314)."""

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        if not self.is_damaged:
            return found
        pieces = [self._tokenizer.decode([token]) for token in found.token_ids]
        return replace(found, text="".join(pieces))

    def fault(self, request: Request) -> None:
        pass


class BreaksPromises(Plant):
    """Draws by a seed of its own, and ends each 20th greedy answer with another token."""

    answered = 0

    def answer(self, request: Request) -> Answer:
        self.answered += 1
        if self.is_damaged and request.sampling is not None:
            own = replace(request.sampling, seed=self.answered)
            return super().answer(replace(request, sampling=own))
        found = super().answer(request)
        if not self.is_damaged or request.is_scored or self.answered % 20:
            return found
        return replace(found, token_ids=(*found.token_ids[:-1], 77), text=found.text[:-1] + "7")

    def fault(self, request: Request) -> None:
        pass


class LosesPartOfItsFile(Plant):
    """Has a hole of zeros in its weights once it answers, after their digest was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path()

    def load(self, directory: Path) -> None:
        self.directory = directory
        super().load(directory)

    def fault(self, request: Request) -> None:
        weight_damage.punch_hole(self.directory)


class EditsItsOwnFolder(OrtGenAI):
    """Appends a blank to the configuration once it is loaded."""

    def load(self, directory: Path) -> None:
        super().load(directory)
        if directory.name == "changing":
            with (directory / "genai_config.json").open("a") as file:
                file.write(" ")


class KillsTheGate(Plant):
    """Takes the whole session down, as a machine that is switched off does."""

    def fault(self, request: Request) -> None:
        os.kill(os.getppid(), signal.SIGKILL)


def leak(size: int) -> None:
    """Take memory from the C library, write to it, and lose it."""
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    block = library.malloc(ctypes.c_size_t(size))
    ctypes.memset(block, 1, size)


class LeaksOneKiB(Plant):
    """Leaks so much for each request, in native code."""

    leaked_bytes = 1024

    def fault(self, request: Request) -> None:
        leak(self.leaked_bytes)


class LeaksFourKiB(LeaksOneKiB):
    leaked_bytes = 4096


class LeaksSixteenKiB(LeaksOneKiB):
    leaked_bytes = 16384


class KeepsGenerators(Plant):
    """Never lets go of a generator, and of the context that it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.generators: list[Any] = []

    def fault(self, request: Request) -> None:
        pass

    def _new_generator(self, wanted: int, **search: float) -> Any:
        generator = super()._new_generator(wanted, **search)
        if self.is_damaged:
            self.generators.append(generator)
        return generator


class HoldsTheModel(Plant):
    """Closes without letting go of what it loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.models: list[Any] = []

    def fault(self, request: Request) -> None:
        pass

    def close(self) -> None:
        if self.is_damaged:
            self.models.append((self._model, self._tokenizer, self._kept))
        super().close()
