"""Makes this process as small as a device: its processors, and the memory that it may take.

Of Linux's limits the one on data (`RLIMIT_DATA`) is the one to use: it counts private memory that
can be written to. The one on address space counts what is reserved and never touched, too: 64 MiB
for each thread's heap. At either an engine refuses to load or to answer ("std::bad_alloc"), and now
and then a thread of its dies of it (SIGABRT); neither made it hang.
"""

import os
import re
import sys
from pathlib import Path

from harness.device import Limits

_OUT_OF_MEMORY = re.compile(
    r"bad_alloc|MemoryError|[Cc]annot allocate memory|Could not allocate|Failed to allocate memory"
    r"|Unable to allocate|pthread_create failed, error code: 1[12]\b"
    r"|libgcc_s\.so\.1 must be installed"
)


def says_out_of_memory(text: str) -> bool:
    """Whether an error, or the last words of a process, tell that no memory was to be had."""
    return bool(_OUT_OF_MEMORY.search(text))


def pin(limits: Limits) -> None:
    """Keep to some processors; before an engine counts them."""
    if limits.processors and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, limits.processors)


def is_over_cap(needed_bytes: int) -> bool:
    """Whether a cap on this process refuses so much, whatever memory the machine has."""
    if sys.platform != "linux":
        return False
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return soft != resource.RLIM_INFINITY and needed_bytes > soft


class MemoryCap:
    """How much private memory this process may take beyond what it had when the cap was set."""

    def __init__(self, allowed_bytes: int) -> None:
        self._allowed_bytes = allowed_bytes if sys.platform == "linux" else 0
        self._before_bytes = 0

    def put_on(self) -> None:
        """From now on allocations beyond the cap fail; only what is allocated from now on counts.

        What may be raised again is the soft limit, so `take_off` works.
        """
        if self._allowed_bytes:
            self._before_bytes = self._before_bytes or _data_bytes()
            self._set(self._before_bytes + self._allowed_bytes)

    def take_off(self) -> None:
        """For good, in this process: what the gate alone asks for is no use of a device."""
        if self._allowed_bytes:
            self._allowed_bytes = 0
            self._set(-1)

    def explain(self, error: str) -> str:
        """An error with the figures, where it says that no memory was to be had under the cap."""
        if not self._allowed_bytes or not says_out_of_memory(error):
            return error
        held = (_data_bytes() - self._before_bytes) / 2**20
        return f"{error} ({cap_words(self._allowed_bytes)}, of which it holds {held:,.0f} MiB)"

    @staticmethod
    def _set(soft: int) -> None:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def cap_words(allowed_bytes: int) -> str:
    """The cap, as a part of a sentence."""
    return f"out of memory: {room_words(allowed_bytes)}"


def room_words(allowed_bytes: int) -> str:
    """What the cap leaves a process: where one dies without a word, that may be why."""
    return f"the device leaves it {allowed_bytes / 2**20:,.0f} MiB"


def _data_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    line = next(it for it in status.splitlines() if it.startswith("VmData"))
    return int(line.split()[1]) * 1024
