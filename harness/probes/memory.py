"""Asks how much memory a process holds: /proc on Linux, psutil elsewhere."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.probes.cgroup import memory_room_bytes

PRIVATE_FIELDS = ("RssAnon", "VmSwap")
STATUS_SOURCE = "/proc status: private RssAnon and VmSwap, mapped RssFile, all VmRSS, peak VmHWM"
HEAP_SOURCE = "psutil: heap_used and mmap_used of the C library"


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process in bytes, None for what the system does not count.

    Private pages are what a leak grows, whether they are in memory or swapped out. Mapped ones are
    pages of files, such as libraries and mapped weights, which the system can read again. Resident
    is all in memory, peak the most that ever was. The heap is what the C library handed out and did
    not get back; only the process itself can say. `source` names who counted, because counts of
    different sources must not be compared.
    """

    private_bytes: int | None
    mapped_bytes: int | None
    resident_bytes: int | None
    peak_bytes: int | None
    heap_bytes: int | None = None
    source: str = ""


def read_memory(pid: int) -> Memory:
    """Memory of a running process; raises ProcessLookupError when there is none of that id."""
    try:
        return parse_status(
            Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        )
    except (FileNotFoundError, KeyError):
        return _ask_psutil(pid)


def read_own_memory() -> Memory:
    """Memory of this process, its heap included where the C library tells."""
    memory, heap_bytes = read_memory(os.getpid()), _heap_bytes()
    if memory.peak_bytes is None:
        memory = replace(memory, peak_bytes=_own_peak_bytes())
    if heap_bytes is None:
        return memory
    source = sys.intern(f"{memory.source}; {HEAP_SOURCE}")  # kept with every sample
    return replace(memory, heap_bytes=heap_bytes, source=source)


def parse_status(status: str) -> Memory:
    """Memory as ``/proc/<pid>/status`` gives it, in kB of 1024 bytes.

    Raises KeyError where it has no such lines (a zombie, a kernel before 4.5). Without swap in the
    kernel there is no line on swap, and nothing is swapped out.
    """
    lines = (line.split(":", 1) for line in status.splitlines() if ":" in line)
    fields = {key: text.split() for key, text in lines}
    fields.setdefault("VmSwap", ["0"])
    keys = (*PRIVATE_FIELDS, "RssFile", "VmRSS", "VmHWM")
    anonymous, swapped, mapped, resident, peak = (int(fields[key][0]) * 1024 for key in keys)
    return Memory(anonymous + swapped, mapped, resident, peak, source=STATUS_SOURCE)


def _ask_psutil(pid: int) -> Memory:
    """The nearest counters; a system may tell a process about itself only."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            raise ProcessLookupError(f"process {pid} has ended")
        try:
            return _nearest(process.memory_full_info())
        except psutil.AccessDenied:
            return _nearest(process.memory_info())
    except psutil.Error as error:
        raise ProcessLookupError(f"process {pid} cannot be read: {error}") from error


def _nearest(found: Any) -> Memory:
    """Memory from psutil's fields, which differ between systems.

    Private is what Windows has committed to the process alone, else `uss`, and the rest of the
    resident pages are taken for mapped ones.
    """
    alone = getattr(found, "uss", None)
    name = "private" if hasattr(found, "private") else "uss"
    private = getattr(found, name, None)
    mapped = None if alone is None else max(0, found.rss - alone)
    peak = getattr(found, "peak_wset", None)
    source = f"psutil: private {name}, mapped rss without uss, all rss, peak peak_wset"
    return Memory(private, mapped, found.rss, peak, source=source)


def _own_peak_bytes() -> int | None:
    try:
        import resource
    except ImportError:  # Windows, where psutil has told
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _heap_bytes() -> int | None:
    """What malloc handed out, from its heaps and by mmap; None where psutil cannot ask it."""
    import psutil

    if not hasattr(psutil, "heap_info"):
        return None
    heap = psutil.heap_info()
    return int(heap.heap_used + heap.mmap_used)


def available_bytes() -> int:
    """Memory that processes could still take before the system swaps, or a container ends them."""
    import psutil

    room, available = memory_room_bytes(), int(psutil.virtual_memory().available)
    return available if room is None else min(room, available)
