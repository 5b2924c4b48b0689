"""Asks what this machine is: hardware, system, versions, power and load."""

import math
import os
import platform
import subprocess
import time
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.conditions import Conditions
from harness.environment import Environment, Power
from harness.probes.cgroup import processor_quota
from harness.probes.own_time import own_seconds

_DISTRIBUTIONS = (
    "foundry-local-sdk",
    "numpy",
    "olive-ai",
    "onnxruntime",
    "onnxruntime-genai",
    "onnxruntime-genai-core",
    "slm-release-gate",
)
_SYSTEM = Path("/sys/devices/system/cpu")
_SENSORS = Path("/sys/class/hwmon")
_PROCESSOR_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")
_WORKING = ("user", "nice", "system", "irq", "softirq", "steal")


def capture_environment(provider: str = "cpu", threads: int = 0) -> Environment:
    """This machine as it is now; `threads` 0 leaves their number to the engine."""
    import psutil

    return Environment(
        processor=_processor(),
        cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        versions=_versions(),
        provider=provider,
        threads=threads,
        power=_power(),
        governor=_governor(),
        load_average=_load_average(),
    )


def capture_conditions() -> Conditions:
    """How busy, warm and full this machine is now; takes a few ms at the most.

    Our own process tree is this process, its living descendants, and those that ended and were
    waited for. Not seen, and so taken for others: a descendant whose parent ended before it, and
    on Windows what ended by itself.
    """
    import psutil

    return Conditions(
        clock_seconds=time.monotonic(),
        cores=_scheduled_cores(),
        busy_seconds=_busy_seconds(),
        own_seconds=own_seconds(),
        load_average=_load_average(),
        frequency_mhz=_frequency_mhz(),
        governor=_governor(),
        power=_power(),
        temperature_celsius=_temperature_celsius(),
        throttle_count=_throttle_count(),
        available_memory_bytes=psutil.virtual_memory().available,
        swapped_in_bytes=_swapped_in_bytes(),
        throttled_ms=_throttled_ms(),
    )


def _processor() -> str:
    return _linux_processor() or _mac_processor() or platform.processor() or platform.machine()


def _linux_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "")


def _mac_processor() -> str:
    if platform.system() != "Darwin":
        return ""
    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def usable_cores() -> int:
    """Processor cores that this process may use, as many as its container's time is worth."""
    quota, cores = processor_quota(), _scheduled_cores()
    return cores if quota is None else max(1, min(cores, math.floor(quota)))


def _scheduled_cores() -> int:
    """Cores that this process may be scheduled on, which `_busy_seconds` are of."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _versions() -> tuple[tuple[str, str], ...]:
    found = ((name, _version(name)) for name in _DISTRIBUTIONS)
    return tuple((name, text) for name, text in found if text)


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _power() -> Power:
    import psutil

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None or battery.power_plugged is None:
        return Power.UNKNOWN
    return Power.AC if battery.power_plugged else Power.BATTERY


def _governor() -> str:
    """The frequency governor of the first core, on Linux where it may be seen."""
    try:
        return (_SYSTEM / "cpu0/cpufreq/scaling_governor").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _load_average() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _busy_seconds() -> float | None:
    """Of the cores we may use; None where some are off line, so that rows have no core's number."""
    import psutil

    rows = psutil.cpu_times(percpu=True)
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(rows))
    if max(usable) >= len(rows):
        return None
    return sum(getattr(rows[core], name, 0.0) for core in usable for name in _WORKING)


def _frequency_mhz() -> float | None:
    import psutil

    try:
        found = psutil.cpu_freq()
    except (OSError, NotImplementedError, RuntimeError):  # what systems without one raise
        return None
    return found.current if found and found.current else None


def _temperature_celsius() -> float | None:
    """The hottest sensor in or at a processor, on Linux where it may be seen."""
    sensors = (it for it in _SENSORS.glob("*/name") if _text(it) in _PROCESSOR_SENSORS)
    found = [n for it in sensors for n in _numbers(it.parent.glob("temp*_input"))]
    return max(found) / 1000 if found else None


def _throttle_count() -> int | None:
    """Linux counts for cores and packages apart, on x86 only."""
    found = list(_numbers(_throttling("count")))
    return sum(found) if found else None


def _throttled_ms() -> tuple[int, ...]:
    """The same in time, from Linux 5.5 on."""
    return tuple(_numbers(_throttling("total_time_ms")))


def _throttling(what: str) -> Iterator[Path]:
    return iter(sorted(_SYSTEM.glob(f"cpu[0-9]*/thermal_throttle/*_throttle_{what}")))


def _swapped_in_bytes() -> int:
    import psutil

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the system does not tell: 0
        return int(psutil.swap_memory().sin)


def _numbers(paths: Iterator[Path]) -> Iterator[int]:
    """What those of the files hold that can be read; a sensor may refuse."""
    return (int(text) for text in map(_text, paths) if text.isdecimal())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
