"""One number in a file that both processes map: where the worker is, readable after its death."""

import mmap
from pathlib import Path
from struct import Struct

CLOSING = -4  # inside `Runtime.close`
STARTING = -3  # the interpreter and the factory's module
LOADING = -2  # inside `Runtime.load`
IDLE = -1  # between plans; from 0 on: the request that is being answered

_NUMBER = Struct("<q")


class Progress:
    """The worker's position. A write costs well under a microsecond and no system call."""

    def __init__(self, path: Path) -> None:
        """Map the file, which `create` has made; OSError passes through."""
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _NUMBER.size)

    @classmethod
    def create(cls, path: Path) -> "Progress":
        """A new file, at STARTING."""
        path.write_bytes(_NUMBER.pack(STARTING))
        return cls(path)

    def write(self, position: int) -> None:
        """Set the position."""
        _NUMBER.pack_into(self._map, 0, position)

    def read(self) -> int:
        """The position."""
        return int(_NUMBER.unpack_from(self._map)[0])

    def close(self) -> None:
        """Unmap the file (Windows deletes no mapped file)."""
        self._map.close()
