"""Asks what the control groups of this process leave it, as in a container: memory, processors.

Both versions of Linux's interface (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/), of
the process's own group and of all above it that can be seen. Elsewhere there are none.
"""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def memory_room_bytes(root: Path = ROOT, membership: Path = MEMBERSHIP) -> int | None:
    """Bytes that may be taken before a group is at its limit; None where none has a limit.

    Pages of files count as free, as they do in the whole system's figure: they are given up first.
    """
    rooms = (_room(folder) for folder in _groups("memory", root, membership))
    return min((room for room in rooms if room is not None), default=None)


def processor_quota(root: Path = ROOT, membership: Path = MEMBERSHIP) -> float | None:
    """Processors' worth of time that may be used; None where no group limits it."""
    quotas = (_quota(folder) for folder in _groups("cpu", root, membership))
    return min((quota for quota in quotas if quota is not None), default=None)


def _groups(controller: str, root: Path, membership: Path) -> Iterator[Path]:
    """Folders of the groups that this process is in, its own and those above it.

    Of a path that a container does not show there is the root alone, which is its own group.
    """
    for line in _text(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / controller if controllers else root
        own = top / path.lstrip("/")
        yield from (at for at in (own, *own.parents) if at == top or top in at.parents)


def _room(folder: Path) -> int | None:
    for limit, used, prefix in (
        ("memory.max", "memory.current", ""),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ):
        most, taken = _text(folder / limit), _text(folder / used)
        if most.isdecimal() and taken.isdecimal():
            files = (f"{prefix}active_file", f"{prefix}inactive_file")
            return max(0, int(most) - int(taken) + _sum(_text(folder / "memory.stat"), files))
    return None


def _sum(stat: str, names: tuple[str, ...]) -> int:
    rows = (line.partition(" ") for line in stat.splitlines())
    return sum(int(count) for name, _, count in rows if name in names)


def _quota(folder: Path) -> float | None:
    both = _text(folder / "cpu.max").split() or [
        _text(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period")
    ]
    if not all(text.isdecimal() and int(text) for text in both):  # "max", and -1 in version 1
        return None
    quota, period = map(int, both)
    return quota / period


def _text(path: Path) -> str:
    """What a file says; nothing where it is not there or not to be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
