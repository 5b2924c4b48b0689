"""Labels that stand beside a bank in a file of their own, one a line, as PIQA's do."""

from collections.abc import Sequence
from pathlib import Path

from harness.errors import ConfigError
from harness.rows import Row

_LABEL = "label"


def with_labels(rows: Sequence[Row], path: Path, stated: Path | None) -> list[Row]:
    """Rows with their labels, from the file that is stated.

    Of `valid.jsonl` whose rows have none it is `valid-labels.lst` beside it, where that is there.
    Raises ConfigError of one line for a file that cannot be read or has not as many.
    """
    file = stated or path.with_name(f"{path.stem}-labels.lst")
    have = [_LABEL in row for _, row in rows]
    if stated is None and (all(have) or not file.is_file()):
        return list(rows)
    if any(have):
        raise ConfigError(f"{path.name} has labels of its own: leave [data] labels out")
    labels = _read(file)
    if len(labels) != len(rows):
        raise ConfigError(
            f"{file.name} must have a label for each row of {path.name}: "
            f"found {len(labels):,} for {len(rows):,}"
        )
    pairs = zip(rows, labels, strict=True)
    return [(place, {**row, _LABEL: label}) for (place, row), label in pairs]


def _read(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8-sig").split()
    except OSError as error:
        raise ConfigError(f"the labels {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the labels {file} are not UTF-8: {error}") from error
