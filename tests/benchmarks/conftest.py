"""Benchmarks: they take minutes and assert times, so only ``-m benchmark`` runs them."""

from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark everything in this folder, before pytest looks for marks that -m names."""
    found = [item for item in items if HERE in item.path.parents]
    for item in found:
        item.add_marker("benchmark")
    if "benchmark" not in config.option.markexpr:
        items[:] = [item for item in items if item not in found]
        config.hook.pytest_deselected(items=found)


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure or a table, past pytest's capturing."""

    def write(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", flush=True)

    return write
