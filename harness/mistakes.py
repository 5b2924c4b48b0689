"""Gathers what a user wrote wrong, so that all of it is told at once."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from harness.errors import ConfigError

T = TypeVar("T")
R = TypeVar("R")

_MOST_TOLD = 20  # lines; a file of another kind has one mistake a line


class Mistakes:
    """Mistakes in the order in which they were found, a line each."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, line: str) -> None:
        """One more."""
        self._found.append(line)

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep what is raised within as a ConfigError, and go on after it."""
        try:
            yield
        except ConfigError as error:
            self._found += str(error).splitlines()

    def refuse(self) -> None:
        """Raise ConfigError with all of them, where there are any."""
        if not self._found:
            return
        told, more = self._found[:_MOST_TOLD], len(self._found) - _MOST_TOLD
        if more > 0:
            told = [*told, f"and {more:,} more mistakes"]
        raise ConfigError("\n".join(told))


def made_of_each(values: Iterable[T], make: Callable[[T], R]) -> list[R]:
    """What is made of each value; ConfigError with the mistakes of all of which nothing can be."""
    found, mistakes = list[R](), Mistakes()
    for value in values:
        with mistakes.gathered():
            found.append(make(value))
    mistakes.refuse()
    return found
