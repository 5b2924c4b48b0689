"""Asks what this machine is: hardware, system, versions, power and load."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.environment import Environment, Power

_DISTRIBUTIONS = (
    "foundry-local-sdk",
    "numpy",
    "olive-ai",
    "onnxruntime",
    "onnxruntime-genai",
    "onnxruntime-genai-core",
    "slm-release-gate",
)


def capture_environment(provider: str = "cpu", threads: int = 0) -> Environment:
    """This machine as it is now; `threads` 0 leaves their number to the engine."""
    import psutil

    return Environment(
        processor=_processor(),
        cores=_usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        versions=_versions(),
        provider=provider,
        threads=threads,
        power=_power(),
        governor=_governor(),
        load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
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


def _usable_cores() -> int:
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
        path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
