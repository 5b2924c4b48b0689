"""A bar on the terminal for building and measuring; in a log a line now and then."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Never

import pytest
from tqdm import tqdm

_COUNTED = "{percentage:3.0f}% {bar} {n_fmt}/{total_fmt} [{elapsed}] {desc}"
_OPEN = "{desc} [{elapsed}]"


class _Uncaptured:
    """The terminal's file, written to past pytest's capturing of what tests print."""

    def __init__(self, config: pytest.Config) -> None:
        self._file = config.get_terminal_writer()._file
        self._capture = config.pluginmanager.get_plugin("capturemanager")

    def write(self, text: str) -> None:
        released = self._capture.global_and_fixture_disabled() if self._capture else nullcontext()
        with released:
            self._file.write(text)
            self._file.flush()

    def flush(self) -> None:
        """Done by `write`."""


@contextmanager
def bar(config: pytest.Config, total: int | None, what: str) -> Iterator["tqdm[Never]"]:
    """A bar that is gone when done."""
    with tqdm(
        desc=what,
        total=total,
        bar_format=_COUNTED if total else _OPEN,
        leave=False,
        ncols=config.get_terminal_writer().fullwidth,
        disable=not is_shown(config),
        file=_Uncaptured(config),
    ) as shown:
        yield shown
        shown.refresh()  # updates that come faster than a bar is drawn are not drawn


@contextmanager
def told(say: Callable[[], str], write: Callable[[str], object], seconds: float) -> Iterator[None]:
    """Write a line every so many seconds, for a log that would be silent meanwhile."""
    is_over = threading.Event()

    def run() -> None:
        while not is_over.wait(seconds):
            write(f"{say()}\n")

    teller = threading.Thread(target=run, daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_over.set()
        teller.join()


def write_past_capture(config: pytest.Config, text: str) -> None:
    """Write to what was standard output before pytest captured it, from any thread."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    saved = getattr(getattr(capture, "_global_capturing", None), "out", None)
    os.write(getattr(saved, "targetfd_save", 1), text.encode())


def is_shown(config: pytest.Config) -> bool:
    """Whether someone is looking: a terminal, and no listing asked for."""
    return config.get_terminal_writer().hasmarkup and config.option.verbose == 0
