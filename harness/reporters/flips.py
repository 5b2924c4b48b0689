"""The items whose answers became right or wrong, as Markdown."""

from collections.abc import Sequence

from tabulate import tabulate

from harness.flip import Flip
from harness.report import VariantReport

_SHOWN = 12  # of each kind; all of them are in report.json
_LETTERS = 160
_HEADERS = ("item", "slice", "prompt", "expected", "reference", "answer")


def flip_table(it: VariantReport) -> str:
    """Items right to wrong, and items wrong to right, with both answers."""
    lost = [flip for flip in it.flips if flip.is_loss]
    won = [flip for flip in it.flips if not flip.is_loss]
    parts = [("Right to wrong", lost), ("Wrong to right", won)]
    return "\n\n".join(_table(title, flips) for title, flips in parts if flips)


def _table(title: str, flips: Sequence[Flip]) -> str:
    more = f"\n\nand {len(flips) - _SHOWN:,} more in report.json" if len(flips) > _SHOWN else ""
    cells = [_row(flip) for flip in flips[:_SHOWN]]
    table = tabulate(cells, headers=_HEADERS, tablefmt="github", disable_numparse=True)
    return f"### {title}: {len(flips):,}\n\n{table}{more}"


def _row(it: Flip) -> list[str]:
    answers = (it.prompt, it.expected, it.reference_answer, it.answer)
    return [_cell(it.item), _cell(it.slice), *map(_cell, answers)]


def _cell(text: str) -> str:
    """One line of text that is nothing but text in a table."""
    line = " ".join(text.split())
    cut = line if len(line) <= _LETTERS else f"{line[: _LETTERS - 1]}…"
    for mark in ("\\", "|", "`", "*", "_", "<", "[", "#", "~"):
        cut = cut.replace(mark, f"\\{mark}")
    return cut or "(nothing)"
