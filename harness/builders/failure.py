"""Failures of a build as one line, and their way from the build process to the gate's."""

import errno
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from harness.errors import BuildError, ConfigError, HarnessError, InfrastructureError

_KINDS: Final[dict[str, type[HarnessError]]] = {
    "config": ConfigError,
    "infrastructure": InfrastructureError,
    "build": BuildError,
}
_LONGEST = 300  # characters of a foreign message; the log has the rest


def describe(error: BaseException) -> dict[str, str]:
    """`kind` and `message` of an exception that ended a build, for `restore`."""
    if any(map(_is_disk_full, _chain(error))):
        return {"kind": "infrastructure", "message": "no space is left on the cache's disk"}
    if isinstance(error, HarnessError):
        kind = next(name for name, known in _KINDS.items() if isinstance(error, known))
        return {"kind": "build" if isinstance(error, BuildError) else kind, "message": str(error)}
    if isinstance(error, MemoryError):
        return {"kind": "infrastructure", "message": "this machine has too little memory to build"}
    return {
        "kind": "build",
        "message": f"the build failed with {type(error).__name__}: {one_line(error)}",
    }


def restore(kind: str, message: str) -> HarnessError:
    """The exception that `describe` described."""
    return _KINDS[kind](message)


def one_line(text: object) -> str:
    """Foreign text as one line of bearable length."""
    line = " ".join(str(text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


@contextmanager
def logged_errors(logger: str) -> Iterator[list[logging.LogRecord]]:
    """What a library logs meanwhile instead of raising it, in that order: errors, and warnings that
    have an exception.
    """
    found: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR or _exception_of(record) is not None:
                found.append(record)

    handler, heard = Keep(logging.WARNING), logging.getLogger(logger)
    heard.addHandler(handler)
    try:
        yield found
    finally:
        heard.removeHandler(handler)


def blamed(logged: Sequence[logging.LogRecord]) -> tuple[str, BaseException | None]:
    """What a build failed of by what was logged, in words, and its exception where it has one.

    It is the last: whatever was logged before, the library went on after it. Olive logs what ended
    a run as a warning, and what a pass got over as an error.
    """
    error = _exception_of(logged[-1])
    if error is None:
        return one_line(logged[-1].getMessage()), None
    return f"{type(error).__name__}: {one_line(error)}", error


def _exception_of(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_disk_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return "No space left on device" in str(error)
