"""A bar on the terminal for building and measuring; nothing where there is no terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Never

import pytest
from tqdm import tqdm


@contextmanager
def bar(config: pytest.Config, total: int | None, what: str) -> Iterator["tqdm[Never]"]:
    """A bar that is gone when done; written past pytest's capturing."""
    writer = config.get_terminal_writer()
    with tqdm(
        desc=what,
        total=total,
        unit=" steps",
        leave=False,
        dynamic_ncols=True,
        disable=not is_shown(config),
        file=writer._file,
    ) as shown:
        yield shown


def is_shown(config: pytest.Config) -> bool:
    """Whether someone is looking: a terminal, and no listing asked for."""
    return config.get_terminal_writer().hasmarkup and config.option.verbose == 0
