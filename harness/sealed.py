"""Documents that are kept on disk, each sealed and named by what made it: read whole, or not."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.store import digest_of, read_json, write_text


def sealed_path(root: Path, made_of: Mapping[str, object]) -> Path:
    """Where the document is kept that these ingredients made.

    Raises ValueError where one of them is no JSON: NaN, say, or minus infinity.
    """
    return root / f"{digest_of(dict(made_of)).removeprefix('sha256:')[:32]}.json"


def read_sealed(path: Path, made_of: Mapping[str, object]) -> dict[str, Any] | None:
    """What was kept; None where nothing was, or not as it was written, or made of something else.

    The ingredients are compared as JSON has them, which knows lists and no tuples.
    """
    with suppress(OSError, ValueError, KeyError, TypeError):
        record = read_json(path)
        seal = record.pop("seal")
        if seal == digest_of(record) and record.pop("made_of") == made_of:
            return record
    return None


def write_sealed(path: Path, made_of: Mapping[str, object], content: Mapping[str, Any]) -> None:
    """Keep a document in place of an earlier one; what cannot be kept costs time later, not now.

    That is what a full disk refuses, and what is no JSON: a likelihood of minus infinity.
    """
    record = {"made_of": dict(made_of), **content}
    with suppress(OSError, ValueError):
        write_text(path, json.dumps({**record, "seal": digest_of(record)}))
