"""A worker process as its parent sees it: ask, wait as long as it moves, and end it."""

import contextlib
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.device import Limits
from harness.errors import InfrastructureError
from harness.probes.own_time import ENDED, tree_seconds
from harness.runtimes.channel import Question, read, write
from harness.runtimes.ending import describe_exit
from harness.runtimes.progress import Progress

_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0
_SIGKILL = 9
_COLOUR = re.compile("\x1b\\[[0-9;]*m")


class ChildDiedError(Exception):
    """It is dead, or as good as; the message says how, beginning with a verb."""


class ChildKilledError(ChildDiedError):
    """Somebody ended it, as a system does that is short of memory."""


class ChildStuckError(Exception):
    """No reply, and no progress within the deadline."""


class Child:
    """One worker process. Every method may raise ChildDiedError; `ask` also ChildStuckError."""

    def __init__(
        self, factory: str, directory: Path, limits: Limits | None = None, is_chat: bool = True
    ) -> None:
        """Start the process; raises InfrastructureError when the system refuses."""
        self._scratch = tempfile.TemporaryDirectory(prefix="gate-", ignore_cleanup_errors=True)
        progress = Path(self._scratch.name, "progress")
        self._errors = Path(self._scratch.name, "stderr")
        self._progress = Progress.create(progress)
        command = [sys.executable, "-P", "-m", "harness.runtimes.worker"]
        limits = limits or Limits()
        caps = json.dumps([limits.processors, limits.threads, limits.memory_bytes])
        command += [factory, str(directory), str(progress), caps, json.dumps(is_chat)]
        self._process = _start(command, self._errors)
        self._replies: queue.SimpleQueue[object] = queue.SimpleQueue()
        assert self._process.stdout is not None
        listener = (self._process.stdout, self._replies)
        threading.Thread(target=_listen, args=listener, daemon=True).start()
        self._spent = _Spent(self._process)
        self._end = weakref.finalize(self, _end, self._spent, self._progress, self._scratch)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it lives."""
        return self._process.poll()

    @property
    def position(self) -> int:
        """Where it is, or was when it died: see `harness.runtimes.progress`."""
        return self._progress.read()

    @property
    def last_words(self) -> str:
        """The last line of its standard error that is not empty."""
        lines = self._errors.read_text(encoding="utf-8", errors="replace").split("\n")
        plain = (_COLOUR.sub("", line).strip() for line in reversed(lines))
        return next((line for line in plain if line), "")

    def ask(self, question: Question, deadline_seconds: float) -> object:
        """The reply to a question; the deadline begins anew with each request of a plan."""
        assert self._process.stdin is not None
        try:
            write(self._process.stdin, question)
        except OSError as error:
            raise self._died("closed its pipe") from error
        reply = self._wait(deadline_seconds)
        if isinstance(reply, _Ended):
            raise self._died(reply.how)
        return reply

    def close(self) -> None:
        """Ask it to close, then end it whether it did or not."""
        with contextlib.suppress(ChildDiedError, ChildStuckError, subprocess.TimeoutExpired):
            if self.returncode is None:
                self._spent.look()  # it may be gone when it has replied
                self.ask(Question("close"), _GRACE_SECONDS)
                self._spent.look()
                self._process.wait(_GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End it now, and forget its files."""
        self._end()

    def _wait(self, deadline_seconds: float) -> object:
        """Counts waits, not time: while the gate is stopped (Ctrl-Z), so is its child."""
        position, left = self.position, deadline_seconds
        while left > 0:
            with contextlib.suppress(queue.Empty):
                return self._replies.get(timeout=min(left, _POLL_SECONDS))
            left -= _POLL_SECONDS
            if self.position != position:
                position, left = self.position, deadline_seconds
        raise ChildStuckError

    def _died(self, how: str) -> ChildDiedError:
        """Its exit status is there a moment after its pipes close; if not, we end it ourselves."""
        try:
            code = self._process.wait(_GRACE_SECONDS)
            kind = ChildKilledError if code == -_SIGKILL else ChildDiedError
            return kind(describe_exit(code))
        except subprocess.TimeoutExpired:
            self._process.kill()
            return ChildDiedError(how)


@dataclass(slots=True)
class _Spent:
    """The processor time that a process has used, as far as anybody looked while it was there."""

    process: "subprocess.Popen[bytes]"
    seconds: float = 0.0

    def look(self) -> None:
        """Once more; one that nobody has waited for has its id to itself."""
        self.seconds = max(self.seconds, tree_seconds(self.process.pid))


@dataclass(frozen=True, slots=True)
class _Ended:
    """Stands in the queue of replies for the end of the pipe, and says what ended it."""

    how: str


def _listen(stream: IO[bytes], replies: "queue.SimpleQueue[object]") -> None:
    """Pass replies on to the end of the pipe, or of sense: unpickling may raise anything."""
    with stream:
        try:
            while True:
                replies.put(read(stream))
        except EOFError:
            replies.put(_Ended("closed its pipe"))
        except Exception as error:  # pickle may raise any; a dead thread would hang the gate
            replies.put(_Ended(f"gave what is no reply ({type(error).__name__})"))


def _start(command: list[str], errors: Path) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    try:
        with errors.open("wb") as stderr:
            return subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=stderr, env=_environment()
            )
    except OSError as error:
        raise InfrastructureError(f"no process can be started: {error}") from error


def _environment() -> dict[str, str]:
    """Ours, with the parent's import path: what it can import, the child can.

    onnxruntime looks its telemetry host up after nine seconds unless this is set before it loads.
    """
    paths = [str(Path(__file__).parents[2]), *(str(Path(entry).absolute()) for entry in sys.path)]
    path = os.pathsep.join(dict.fromkeys(paths))
    return {**os.environ, "PYTHONPATH": path, "ORT_DISABLE_TELEMETRY": "1"}


def _end(
    spent: _Spent,
    progress: Progress,
    scratch: "tempfile.TemporaryDirectory[str]",
) -> None:
    process = spent.process
    if process.poll() is None:
        spent.look()
        process.kill()
    process.wait()
    ENDED.add(spent.seconds)
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # what was not sent cannot be flushed to the dead
        process.stdin.close()
    progress.close()
    scratch.cleanup()
