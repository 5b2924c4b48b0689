"""Processor time of our own process tree, with that of children who have ended."""

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


class EndedTime:
    """Seconds that children had used when they ended, for systems that forget it: on Windows
    `os.times` has nothing of children, and who has ended is in no list.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Keep a child's; several may be ended at once."""
        with self._lock:
            self.seconds += seconds


ENDED = EndedTime()
"""What children of this process had used, as far as who ended them said so."""


def own_seconds() -> float:
    """Of this process, its living descendants, and its children that were waited for or ended."""
    import psutil

    children = psutil.Process().children(recursive=True)
    ours = os.times()
    ended = max(ours.children_user + ours.children_system, ENDED.seconds)
    return ours.user + ours.system + ended + sum(map(_spent_seconds, children))


def tree_seconds(pid: int) -> float:
    """Of a process and its living descendants; 0 where there is none of that id."""
    import psutil

    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0
    return sum(map(_spent_seconds, tree))


def _spent_seconds(process: "psutil.Process") -> float:
    import psutil

    try:
        return sum(process.cpu_times()[:4])
    except psutil.Error:
        return 0.0  # it ended just now
