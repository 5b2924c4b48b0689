"""Runtimes that do wrong on purpose, to see that a session goes on and says so.

Each is itself for every variant but the one whose folder is called "damaged".
"""

import os
import signal
import threading
from pathlib import Path

from harness.answer import Answer, Request
from harness.runtimes.ort_genai import OrtGenAI

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


class KilledForMemory(Plant):
    """Killed as the out-of-memory killer does, by a request that scores."""

    def fault(self, request: Request) -> None:
        if request.score_from is not None:
            os.kill(os.getpid(), signal.SIGKILL)


class HangsAtScoring(Plant):
    def fault(self, request: Request) -> None:
        if request.score_from is not None:
            threading.Event().wait()


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
