"""``python -m harness cache``: what the gate keeps on disk, and how to be rid of it."""

import argparse
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tabulate import tabulate

from harness.errors import ConfigError, InfrastructureError
from harness.store import read_json

_CACHE = Path(__file__).resolve().parents[1] / ".cache" / "variants"
_KEY = re.compile(r"[0-9a-f]{32}")
_HEADERS = ("kind", "key", "of what", "MiB", "last used")
_MIB = 2**20
_MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Kept:
    """One entry: a folder or a file that is made again where it is missing."""

    kind: str
    path: Path
    what: str
    size_bytes: int
    used: datetime

    @property
    def row(self) -> tuple[str, str, str, float, str]:
        """As the table shows it."""
        used = self.used.astimezone().strftime("%Y-%m-%d %H:%M")
        key = self.path.stem.removeprefix("failed-")[:8]
        return self.kind, key, self.what, self.size_bytes / _MIB, used


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument(
        "--cache",
        type=Path,
        default=_CACHE,
        metavar="DIR",
        help="as the gate's (default: .cache/variants of the project)",
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--remove-older",
        type=_days,
        metavar="DAYS",
        help="remove what was not used for so many days",
    )
    which.add_argument("--clear", action="store_true", help="remove everything")


def _days(text: str) -> timedelta:
    with suppress(ValueError):
        if 0 <= (days := float(text)) <= _MOST_DAYS:
            return timedelta(days=days)
    raise argparse.ArgumentTypeError(f"must be a number of days, 0 to {_MOST_DAYS:,}: found {text}")


def show_cache(options: argparse.Namespace) -> int:
    """List what is kept; remove what the options say."""
    if not options.cache.is_dir():
        raise ConfigError(f"--cache must be the folder of a cache: found no folder {options.cache}")
    found = kept(options.cache.resolve())
    print(_table(found))
    oldest = datetime.now(UTC) - (options.remove_older or timedelta())
    removes = options.clear or options.remove_older is not None
    doomed = [one for one in found if removes and one.used <= oldest]
    for one in doomed:
        _remove(one.path)
    gone = [one for one in doomed if not one.path.exists()]
    if removes:
        size = sum(one.size_bytes for one in gone) / _MIB
        print(f"removed {len(gone):,} of {len(found):,}, {size:,.0f} MiB")
    if left := [one for one in doomed if one.path.exists()]:
        raise InfrastructureError(f"cannot be removed: {', '.join(str(one.path) for one in left)}")
    return 0


def kept(cache: Path) -> list[Kept]:
    """All entries of a cache of variants and of what lies beside it, the last used first."""
    found = [
        *_folders("variant", cache, "variant.json"),
        *_folders("checkpoint", cache.parent / "checkpoints", "source.json"),
        *_files("replies", cache.parent / "replies", "*.json"),
        *_files("source", cache.parent / "source", "*.json"),
        *_files("log", cache, "failed-*.log"),
    ]
    return sorted(found, key=lambda one: one.used, reverse=True)


def _folders(kind: str, root: Path, record: str) -> Iterator[Kept]:
    for path in _entries(root):
        if _KEY.fullmatch(path.name) and (path / record).is_file():
            with suppress(FileNotFoundError):  # another session replaced it meanwhile
                what = _what(_made_from(path / record))
                yield Kept(kind, path, what, _size(path), _used(path / record))


def _files(kind: str, root: Path, pattern: str) -> Iterator[Kept]:
    for path in _entries(root):
        if path.is_file() and path.match(pattern) and _KEY.search(path.stem):
            with suppress(FileNotFoundError):
                yield Kept(kind, path, "", path.stat().st_size, _used(path))


def _entries(root: Path) -> Sequence[Path]:
    return sorted(root.iterdir()) if root.is_dir() else ()


def _made_from(record: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = read_json(record).get("made_from")
        return found if isinstance(found, dict) else {}
    return {}


def _what(made_from: dict[str, Any]) -> str:
    recipe = made_from.get("recipe") or {}
    parts = [recipe.get(key) for key in ("precision", "algorithm", "block_size")]
    control = ["control"] if "control" in made_from else []
    return " ".join([*control, *(str(part) for part in parts if part)])


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _used(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _table(found: Sequence[Kept]) -> str:
    rows = [one.row for one in found]
    total = ("all", "", "", sum(one.size_bytes for one in found) / _MIB, "")
    return tabulate([*rows, total], headers=_HEADERS, floatfmt=",.1f", disable_numparse=[1, 4])
