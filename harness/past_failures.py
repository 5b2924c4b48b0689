"""What broke a promise in any session before, so that it is tried first in every one to come."""

import contextlib
import json
import threading
from pathlib import Path

from harness.store import write_text

MOST = 50
"""Entries that are kept: the smallest."""

_WRITING = threading.Lock()  # several variants are explored at the same time, and share the files


class PastFailures:
    """A file of JSON values, one a line; added to at once, so that no death of a session loses one.

    Nothing is taken out for being mended: it may break again. Lines that cannot be read are left
    out, and where nothing can be written nothing is kept: a finding stands in the report as well.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[object]:
        """The smallest entries, smallest first; the rest is forgotten."""
        with _WRITING:
            lines = dict.fromkeys(filter(_is_readable, self._lines()))
            kept = sorted(lines, key=lambda line: (len(line), line))
            if len(kept) > MOST:
                kept = kept[:MOST]
                with contextlib.suppress(OSError):
                    write_text(self._path, "".join(f"{line}\n" for line in kept))
        return [json.loads(line) for line in kept]

    def add(self, entry: object) -> None:
        """Keep an entry, unless it is there already."""
        line = json.dumps(entry)
        with _WRITING, contextlib.suppress(OSError):
            if line not in self._lines():
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="ascii") as file:
                    file.write(f"{line}\n")

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text(encoding="ascii", errors="replace").splitlines()
        except OSError:
            return []


def _is_readable(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
