"""One build process: its environment, its plan, its reports, and its end."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.builders.failure import one_line
from harness.errors import BuildError

_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CUDA_PATH",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
)
# CI counts more than Olive's own switch, which is read after the first event was logged.
_OFFLINE = {
    "CI": "true",
    "OLIVE_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "PYTHONUTF8": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class BuildProcess:
    """How a plan is carried out: by which module, and how long it may be silent."""

    module: str
    deadline_seconds: float
    directory: Path  # for the log, and as the home of the Hugging Face cache

    @property
    def log(self) -> Path:
        """Everything that the process and its libraries printed."""
        return self.directory / "build.log"

    def reports(self, plan: Mapping[str, object]) -> Generator[dict[str, Any]]:
        """Start the process, hand it the plan, and yield each report as it comes.

        Raises BuildError where the process dies or exceeds the deadline; the process never
        outlives the iteration, nor the gate.
        """
        with self.log.open("wb") as log:
            process = _start(self.module, environment(self.directory), log.fileno())
            try:
                _hand_over(process, plan)
                yield from self._read(process)
                self._require_success(process)
            finally:
                _end(process)

    def _read(self, process: subprocess.Popen[bytes]) -> Generator[dict[str, Any]]:
        lines: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=_pump, args=(process, lines), daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=self.deadline_seconds)
            except queue.Empty:
                raise BuildError(
                    f"a build must report within {self.deadline_seconds:g} s: it did not"
                ) from None
            if line is None:
                return
            yield json.loads(line)

    def _require_success(self, process: subprocess.Popen[bytes]) -> None:
        status = process.wait()
        if status < 0:
            raise BuildError(f"the build process was killed: {signal.Signals(-status).name}")
        if status > 0:
            raise BuildError(f"the build process ended with status {status}: {self.last_line()}")

    def last_line(self) -> str:
        """The last line of the log, or that there is none."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        return one_line(
            next((line for line in reversed(lines) if line.strip()), "its log is empty")
        )


def environment(directory: Path) -> dict[str, str]:
    """An environment of its own: offline, no telemetry, this package on its path.

    Temporary files go to the directory, and with it.
    """
    variables = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    package = str(Path(__file__).parents[2])
    paths = [*filter(None, [os.environ.get("PYTHONPATH")]), package]
    litter = dict.fromkeys(("TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR"), str(directory))
    return {
        **variables,
        **litter,
        **_OFFLINE,
        "PYTHONPATH": os.pathsep.join(paths),
        "HF_HOME": str(directory / "huggingface"),
    }


def _start(module: str, variables: Mapping[str, str], log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env=variables,
        start_new_session=True,  # an interrupt at the terminal is the gate's to handle
    )


def _hand_over(process: subprocess.Popen[bytes], plan: Mapping[str, object]) -> None:
    """Standard input stays open: its end is how the process learns that the gate is gone."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it died at once, which its status will tell
        process.stdin.write(json.dumps(plan).encode() + b"\n")
        process.stdin.flush()


def _pump(process: subprocess.Popen[bytes], lines: "queue.Queue[bytes | None]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
