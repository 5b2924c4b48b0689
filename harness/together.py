"""What is not timed is asked of several variants at the same time, where cores are idle."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_AT_ONCE = 3
"""Variants, each of which may take a part of the memory if it leaks."""

_SHARE_OF_MEMORY = 0.5  # of what is free, for all that are asked at once


def fitting(needs: Iterable[float], free_bytes: int) -> int:
    """How many variants may be asked at once by their memory: `needs` are bytes of each one's
    process with the longest prompt. One where nobody knows them.
    """
    known = list(needs)
    if not known:
        return 1
    room = int(_SHARE_OF_MEMORY * free_bytes / max(1.0, *known))
    return max(1, min(room, MOST_AT_ONCE))


class Together(Generic[T]):
    """Results by key and name, or what was raised: the first who asks for one has all made."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], T | Exception] = {}
        self._taken: set[tuple[str, str]] = set()

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

        Each result is handed out once: asked for again, it is made again, and for nobody else who
        has taken theirs, though there may be room now where there was none. `abort` ends what runs
        where the user interrupts. `make` may raise exceptions, and skip or fail no test itself.
        """
        if (key, name) not in self._found and at_once < 2:
            self._taken.add((key, name))
            return make(name)
        if (key, name) not in self._found:
            self._make(key, [name, *self._new(key, others)], make, at_once, abort)
        return self._handed_out(key, name)

    def of_all(
        self,
        key: str,
        name: str,
        others: Sequence[str],
        make: Callable[[Sequence[str]], Mapping[str, T | Exception]],
    ) -> T:
        """The same where all are made in one go: `make` gives the result of each name, or what is
        to be raised for it.
        """
        if (key, name) not in self._found:
            made = make([name, *self._new(key, others)])
            self._found.update({(key, it): found for it, found in made.items()})
        return self._handed_out(key, name)

    def _new(self, key: str, others: Sequence[str]) -> list[str]:
        return [it for it in others if (key, it) not in self._found.keys() | self._taken]

    def _handed_out(self, key: str, name: str) -> T:
        self._taken.add((key, name))
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
        found = each(lambda name: or_error(lambda: make(name)), names, at_once, abort)
        self._found.update({(key, name): it for name, it in zip(names, found, strict=True)})


def each(
    work: Callable[[str], R], names: Sequence[str], at_once: int, abort: Callable[[], None]
) -> list[R]:
    """What `work` gives for each name, in their order, of so many at the same time.

    Where the user interrupts, `abort` ends what still runs.
    """
    with abortable_pool(at_once, abort) as pool:
        return list(pool.map(work, names))


@contextmanager
def abortable_pool(at_once: int, abort: Callable[[], None]) -> Iterator[Executor]:
    """Threads that are waited for. Where anything is raised meanwhile what is queued is dropped;
    where the user interrupts `abort` ends what runs, too: the pool would wait minutes for it.
    """
    with ThreadPoolExecutor(at_once) as pool:
        try:
            yield pool
        except BaseException as error:  # an interrupt is no Exception; both are raised again
            pool.shutdown(wait=False, cancel_futures=True)
            if not isinstance(error, Exception):
                abort()
            raise


def or_error(make: Callable[[], R]) -> R | Exception:
    """What is made of one variant, or what was raised, for that variant's own check to raise.

    The traceback is dropped: it would keep what was read so far in memory.
    """
    try:
        return make()
    except Exception as error:  # of any class: it is raised again, and must not cost the others
        return error.with_traceback(None)
