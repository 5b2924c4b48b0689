"""Memory of processes, from /proc and from psutil."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.probes import memory
from harness.probes.memory import parse_status, read_memory

STATUS = "Name:\tpython\nVmHWM:\t   30 kB\nVmRSS:\t   20 kB\nRssAnon:\t   10 kB\nThreads:\t1\n"


def test_a_status_gives_bytes() -> None:
    found = parse_status(STATUS)
    assert (found.private_bytes, found.resident_bytes, found.peak_bytes) == (10240, 20480, 30720)
    assert found.source.startswith("/proc")


@pytest.mark.parametrize("key", ["VmHWM", "VmRSS", "RssAnon"])
def test_a_status_without_memory_is_refused(key: str) -> None:
    with pytest.raises(KeyError):
        parse_status(STATUS.replace(key, "Other"))


def test_our_own_memory_grows_with_what_we_keep() -> None:
    before = read_memory(os.getpid())
    kept = b"\1" * (64 << 20)
    grown = read_memory(os.getpid()).private_bytes - before.private_bytes
    assert grown >= len(kept) // 2


def test_both_sources_tell_of_the_same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    first = read_memory(os.getpid())
    monkeypatch.setattr(memory, "Path", lambda name: Path("/nowhere"))
    other = read_memory(os.getpid())
    assert other.source == "psutil: uss, rss"
    assert 0.5 < other.resident_bytes / first.resident_bytes < 2


@pytest.mark.skipif(
    not hasattr(os, "waitid"),
    reason="os.waitid, which leaves a zombie to look at, is not on Windows or macOS",
)
def test_a_process_that_ended_has_no_memory() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie, not yet reaped
        with pytest.raises(ProcessLookupError):
            read_memory(process.pid)
    with pytest.raises(ProcessLookupError):
        read_memory(process.pid)
