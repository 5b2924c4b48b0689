"""A terminal sees a bar in place of dots; a log file sees dots."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.plugins.progress import told

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def terminal_session(gate):
    """Run one suite with a pseudo-terminal as its output; what it wrote there."""
    pty = pytest.importorskip("pty")

    def run():
        release = gate.write({"int4": gate.variants["int4"]}, "harness.runtimes.scripted:Scripted")
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "pytest", str(ROOT / "suites" / "test_packaging.py")]
        command += ["--release", str(release), "--reports", str(gate.folder / "reports")]
        child = subprocess.Popen(
            [*command, "-p", "no:cacheprovider"],
            cwd=ROOT,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(theirs)
        return _read_all(ours, child)

    return run


def _read_all(ours, child):
    pieces = []
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            piece = b""
        if not piece:
            break
        pieces.append(piece)
    child.wait()
    os.close(ours)
    return b"".join(pieces).decode(errors="replace")


def test_a_terminal_shows_what_is_built_and_measured(terminal_session):
    shown = terminal_session()
    assert "measure folder_is_complete[int4]" in shown
    assert "100%" in shown
    assert "suites/test_packaging.py ." not in shown


def test_a_log_has_no_bar(gate):
    ended = gate.run(suites="suites/test_packaging.py")
    assert "measure folder_is_complete" not in ended.output
    assert "suites/test_packaging.py ." in ended.output


def test_a_log_that_would_be_silent_is_told_now_and_then():
    written, twice = [], threading.Event()

    def write(text):
        written.append(text)
        if len(written) == 2:
            twice.set()

    with told(lambda: "measuring latency[int4]", write, 0.01):
        assert twice.wait(10)
    assert written[0] == "measuring latency[int4]\n"
