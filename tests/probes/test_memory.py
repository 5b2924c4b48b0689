"""Memory of processes, from /proc and from psutil."""

import ctypes
import mmap
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from harness.probes import memory
from harness.probes.memory import (
    Memory,
    available_bytes,
    parse_status,
    read_memory,
    read_own_memory,
)

STATUS = (
    "Name:\tpython\nVmHWM:\t   30 kB\nVmRSS:\t   20 kB\nRssAnon:\t   10 kB\nRssFile:\t    7 kB\n"
    "VmSwap:\t    2 kB\nThreads:\t1\n"
)


@pytest.fixture
def no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "Path", lambda name: Path("/nowhere"))


def test_a_status_gives_bytes_and_what_is_swapped_out_is_private() -> None:
    found = parse_status(STATUS)
    assert found == Memory(12 * 1024, 7 * 1024, 20 * 1024, 30 * 1024, source=found.source)
    assert found.source.startswith("/proc")


def test_without_swap_nothing_is_swapped_out() -> None:
    assert parse_status(STATUS.replace("VmSwap", "Other")).private_bytes == 10 * 1024


@pytest.mark.parametrize("key", ["VmHWM", "VmRSS", "RssAnon", "RssFile"])
def test_a_status_without_memory_is_refused(key: str) -> None:
    with pytest.raises(KeyError):
        parse_status(STATUS.replace(key, "Other"))


def test_our_own_memory_grows_with_what_we_keep() -> None:
    before = read_memory(os.getpid()).private_bytes
    # Pages of their own: an allocator may have as many left from what ran before.
    kept = mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    kept.write(bytes([1]) * len(kept))
    after = read_memory(os.getpid()).private_bytes
    assert before is not None
    assert after is not None
    assert after - before >= len(kept) // 2


@pytest.mark.skipif(not hasattr(psutil, "heap_info"), reason="psutil cannot ask this C library")
@pytest.mark.parametrize(
    ("size", "count"), [(1000, 8000), (64 << 20, 2)], ids=["from the heap", "by mmap"]
)
def test_the_heap_grows_with_what_malloc_hands_out(size: int, count: int) -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    before = read_own_memory().heap_bytes
    blocks = [library.malloc(ctypes.c_size_t(size)) for _ in range(count)]
    after = read_own_memory().heap_bytes
    for block in blocks:
        library.free(block)
    assert before is not None
    assert after is not None
    assert 0.98 < (after - before) / (count * size) < 1.1


def test_a_system_that_cannot_tell_of_the_heap_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(psutil, "heap_info", raising=False)
    found = read_own_memory()
    assert found.heap_bytes is None
    assert "heap" not in found.source


@pytest.mark.usefixtures("no_proc")
def test_both_sources_tell_of_the_same_process() -> None:
    first = parse_status(Path("/proc/self/status").read_text()) if sys.platform == "linux" else None
    other = read_memory(os.getpid())
    assert other.source.startswith("psutil: private uss")
    assert other.private_bytes is not None
    assert other.resident_bytes is not None
    assert other.mapped_bytes == other.resident_bytes - other.private_bytes
    if first is not None and first.resident_bytes:
        assert 0.5 < other.resident_bytes / first.resident_bytes < 2


@pytest.mark.usefixtures("no_proc")
def test_a_process_tells_its_own_peak_where_nobody_else_can() -> None:
    assert read_memory(os.getpid()).peak_bytes is None
    found = read_own_memory()
    assert found.peak_bytes is not None
    assert found.resident_bytes is not None
    assert found.peak_bytes >= found.resident_bytes


@pytest.mark.usefixtures("no_proc")
def test_what_a_system_denies_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(self: psutil.Process) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil.Process, "memory_full_info", deny)
    found = read_memory(os.getpid())
    assert found.private_bytes is None
    assert found.mapped_bytes is None
    assert found.resident_bytes


@pytest.mark.usefixtures("no_proc")
def test_on_windows_private_is_what_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = SimpleNamespace(rss=100, uss=60, private=80, peak_wset=120)
    monkeypatch.setattr(psutil.Process, "memory_full_info", lambda self: windows)
    found = read_memory(os.getpid())
    assert found == Memory(80, 40, 100, 120, source=found.source)
    assert found.source.startswith("psutil: private private, ")


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


@pytest.mark.parametrize(("room", "expected"), [(None, 2**30), (2**20, 2**20), (2**40, 2**30)])
def test_a_containers_room_is_all_that_is_available(
    room: int | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "memory_room_bytes", lambda: room)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**30))
    assert available_bytes() == expected


def test_some_of_the_machines_memory_is_available() -> None:
    assert 0 < available_bytes() <= psutil.virtual_memory().total
