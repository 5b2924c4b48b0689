"""Asks what this machine has of a device: processors, instruction sets, memory, limits."""

import os
import platform
import sys
from pathlib import Path

from harness.device import Machine
from harness.probes.host import usable_cores

_ARCHITECTURES = {"AMD64": "x86_64", "arm64": "aarch64", "ARM64": "aarch64"}
_MATTER = (
    "avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8", "amx_bf16",
    "asimddp", "i8mm", "bf16", "sve", "sve2", "sme",
)  # fmt: skip
"""Instruction sets that decide how fast products of matrices are, by Linux's names."""


def capture_machine() -> Machine:
    """This machine, as far as this process may use it."""
    import psutil

    architecture = platform.machine()
    return Machine(
        architecture=_ARCHITECTURES.get(architecture, architecture),
        cores=usable_cores(),
        memory_mib=psutil.virtual_memory().total // 2**20,
        instructions=_instructions(),
        can_pin=hasattr(os, "sched_setaffinity"),
        can_cap=sys.platform == "linux",
    )


def usable_processors() -> tuple[int, ...]:
    """Numbers of the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def _instructions() -> tuple[str, ...]:
    """Those that matter; on Apple's processors the one that all of them have."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return ("asimddp",)
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    named = (line.partition(":") for line in lines)
    flags = next(
        (text.split() for key, _, text in named if key.strip() in ("flags", "Features")), []
    )
    return tuple(name for name in _MATTER if name in flags)
