"""Asks how much memory a process holds: /proc on Linux, psutil elsewhere."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process in bytes: private (anonymous) pages, all pages, and the peak of all.

    Private pages are what a leak grows; mapped weight files are resident but not private. `source`
    names who counted, because counts of different sources must not be compared.
    """

    private_bytes: int
    resident_bytes: int
    peak_bytes: int
    source: str = ""


def read_memory(pid: int) -> Memory:
    """Memory of a running process; raises ProcessLookupError when there is none of that id."""
    try:
        return parse_status(
            Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        )
    except (FileNotFoundError, KeyError):
        return _ask_psutil(pid)


def parse_status(status: str) -> Memory:
    """Memory as ``/proc/<pid>/status`` gives it, in kB of 1024 bytes.

    Raises KeyError where it has no such lines (a zombie, a kernel before 4.5).
    """
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    private, resident, peak = (
        int(fields[key].split()[0]) * 1024 for key in ("RssAnon", "VmRSS", "VmHWM")
    )
    return Memory(private, resident, peak, "/proc status: RssAnon, VmRSS, VmHWM")


def _ask_psutil(pid: int) -> Memory:
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            raise ProcessLookupError(f"process {pid} has ended")
        full = process.memory_full_info()
    except psutil.Error as error:
        raise ProcessLookupError(f"process {pid} cannot be read: {error}") from error
    peak = getattr(
        full, "peak_wset", full.rss
    )  # Windows only; elsewhere the present is all there is
    return Memory(full.uss, full.rss, peak, "psutil: uss, rss")
