"""A bar on the terminal for building and measuring; nothing where there is no terminal."""

from collections.abc import Iterator
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


def is_shown(config: pytest.Config) -> bool:
    """Whether someone is looking: a terminal, and no listing asked for."""
    return config.get_terminal_writer().hasmarkup and config.option.verbose == 0
