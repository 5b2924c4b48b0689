"""What is not timed is asked of several variants at the same time, where cores are idle."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_AT_ONCE = 3
"""Variants, each of which may take a part of the memory if it leaks."""


class Together(Generic[T]):
    """Results by key and name, or what was raised: the first who asks for one has all made."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], T | Exception] = {}

    def of(
        self,
        key: str,
        name: str,
        others: Sequence[str],
        make: Callable[[str], T],
        at_once: int,
        abort: Callable[[], None] = lambda: None,
    ) -> T:
        """What `make` gives for a name, made for the others too; raises what it raised.

        Each result is handed out once: asked for again, it is made again. `abort` ends what runs
        where the user interrupts. `make` may raise exceptions, and skip or fail no test itself.
        """
        if at_once < 2 and (key, name) not in self._found:
            return make(name)
        if (key, name) not in self._found:
            new = [other for other in others if (key, other) not in self._found]
            self._make(key, [name, *new], make, at_once, abort)
        found = self._found.pop((key, name))
        if isinstance(found, Exception):
            raise found
        return found

    def _make(
        self,
        key: str,
        names: Sequence[str],
        make: Callable[[str], T],
        at_once: int,
        abort: Callable[[], None],
    ) -> None:
        def try_to(name: str) -> T | Exception:
            try:
                return make(name)
            except Exception as error:  # raised again by who asks for it
                return error

        found = each(try_to, names, at_once, abort)
        self._found.update({(key, name): it for name, it in zip(names, found, strict=True)})


def each(
    work: Callable[[str], R], names: Sequence[str], at_once: int, abort: Callable[[], None]
) -> list[R]:
    """What `work` gives for each name, in their order, of so many at the same time.

    Where the user interrupts, or `work` raises, `abort` ends what still runs: without it the pool
    would wait for requests that may take minutes.
    """
    with ThreadPoolExecutor(at_once) as pool:
        try:
            return list(pool.map(work, names))
        except BaseException:  # an interrupt is no Exception, and is raised again
            pool.shutdown(wait=False, cancel_futures=True)
            abort()
            raise
