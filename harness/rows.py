"""Rows of domain data, whatever holds them: lines of JSON, a table, a folder of a data set.

A row is a plain object with the place where it stands, for messages.
"""

import csv
import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import ConfigError
from harness.mistakes import Mistakes

Row = tuple[str, dict[str, Any]]
"""Where it stands ("eval.jsonl line 3"), and its fields by name."""

_TABLES = (".csv", ".tsv")
_PARQUET = ".parquet"
_PARSED = (
    "messages",
    "endings",
    "choices",
    "until",
    "max_new_tokens",
    "tolerance",
    "relative_tolerance",
    "chance",
)
"""Columns of a table whose cells are JSON, all others being text."""

_SAVED = ("dataset_info.json", "dataset_dict.json")


def read_rows(path: Path, split: str = "") -> Iterator[Row]:
    """Rows of a file of JSONL, CSV with column names or Parquet, or of a Hugging Face data set.

    A data set is a folder, as `save_to_disk` leaves it or with Parquet, JSONL or CSV files in it;
    `split` says which of its splits. Raises ConfigError of one line for what cannot be read.
    """
    if path.is_dir():
        return _of_folder(path, split)
    if split:
        raise ConfigError(f"{path.name} is one file and has no split {split!r}: leave split out")
    if path.suffix.lower() == _PARQUET and path.is_file():
        return _numbered(path, _loaded(path))
    return _of_table(path) if path.suffix.lower() in _TABLES else _of_lines(path)


def _of_lines(path: Path) -> Iterator[Row]:
    # Not splitlines(): a text in JSON may hold what that takes for the end of a line.
    mistakes = Mistakes()
    for number, line in enumerate(_read(path).split("\n"), 1):
        if line.strip():
            place, row = f"{path.name} line {number}", None
            with mistakes.gathered():
                row = _object(line, place)
            if row is not None:
                yield place, _without_nulls(row)
    mistakes.refuse()


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{place} is not JSON ({error}): mend or remove it") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{place} is not a JSON object: mend or remove it")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of two values of one key nobody could say which one is meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"an object has the key {twice!r} twice")
    return found


def _of_table(path: Path) -> Iterator[Row]:
    """Cells by the names in the first line; an empty or blank cell is a field that is not there."""
    text = _read(path)
    delimiter = _delimiter(text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = _names(next(reader, []), path)
        number = reader.line_num + 1
        for cells in reader:
            place, number = f"{path.name} line {number}", reader.line_num + 1
            if cells:
                yield place, _cells(names, cells, place)
    except csv.Error as error:
        raise ConfigError(f"{path.name} line {reader.line_num} is not CSV: {error}") from error


def _delimiter(header: str) -> str:
    """What stands between the names of columns, of which none has it in itself."""
    return max(",;\t", key=header.count)


def _names(header: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in header]
    if len(set(names)) < len(names) or not all(names):
        raise ConfigError(f"{path.name} line 1: each column needs a name of its own: {names}")
    return names


def _cells(names: list[str], cells: list[str], place: str) -> dict[str, Any]:
    if len(cells) != len(names):
        raise ConfigError(f"{place} has {len(cells)} cells, and the first line {len(names)} names")
    found = dict(zip(names, cells, strict=True))
    return {
        name: _parsed(cell, f"{place}: {name}") if name in _PARSED else cell
        for name, cell in found.items()
        if cell.strip()
    }


def _parsed(cell: str, what: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{what} must be written as in JSON ({error}): found {cell!r}") from error


def _of_folder(path: Path, split: str) -> Iterator[Row]:
    rows = _loaded(path)
    if isinstance(rows, dict):
        rows = _one_split(rows, path, split)
    elif split:
        raise ConfigError(f"{path.name} has no splits, so none {split!r}: leave split out")
    yield from _numbered(path, rows)


def _numbered(path: Path, rows: Any) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        place = f"{path.name} row {number}"
        if _holds_null(row.get("expected")):
            raise ConfigError(
                f"{place}: expected has fields without a value, and a data set gives every row the "
                "fields of all others: write expected as JSON text"
            )
        yield place, _without_nulls(row)


def _without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """A field without a value is a field that is not there, as an empty cell is."""
    return {key: it for key, it in row.items() if it is not None}


def _holds_null(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(it is None or _holds_null(it) for it in parts)


def _one_split(splits: dict[str, Any], path: Path, split: str) -> Any:
    if not split and len(splits) == 1:
        return next(iter(splits.values()))
    if split not in splits:
        asked = f"it has no split {split!r}" if split else "say which split"
        raise ConfigError(f"{path.name}: {asked}; it has {', '.join(splits)}")
    return splits[split]


def _loaded(path: Path) -> Any:
    """A data set, or its splits by name; all of it in memory, nothing left on the disk."""
    datasets = _import_datasets()
    datasets.disable_progress_bars()
    try:
        if any((path / name).exists() for name in _SAVED):
            return datasets.load_from_disk(str(path), keep_in_memory=True)
        with tempfile.TemporaryDirectory() as cache:
            load = datasets.load_dataset if path.is_dir() else datasets.Dataset.from_parquet
            return load(str(path), cache_dir=cache, keep_in_memory=True)
    except Exception as error:  # each format's reader raises classes of its own: bad input
        first = (str(error).splitlines() or [""])[0]
        what = "the folder" if path.is_dir() else "the file"
        raise ConfigError(
            f"{what} {path} cannot be read as a data set: {type(error).__name__}: {first}"
        ) from error


def _import_datasets() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ConfigError(
            "reading Parquet or a folder of data needs the package datasets: "
            "install the gate with [data], or give a JSONL or CSV file"
        ) from error
    return datasets


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark before the text
    except OSError as error:
        raise ConfigError(f"the domain data {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the domain data {path} is not UTF-8: {error}") from error
