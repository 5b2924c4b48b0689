"""Reads what a variant's tokenizer.json states, to hold the runtime's tokenizer against."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from harness.metrics.edge_cases import Form

_FORMS = get_args(Form)


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """`special` holds the special tokens by id, `forms` the Unicode normal forms that text is put
    into first, and `encode` gives the token ids of text where the `tokenizers` library is installed
    and can read the file. A file whose added tokens take blanks along has none: today's engine does
    not, which is a rule of its own where the source is compared (`precision.source_strip`).
    `round_trip` gives what a text is once it is encoded and decoded, where `encode` is there.
    """

    special: dict[int, str]
    forms: tuple[Form, ...] = ()
    encode: Callable[[str], tuple[int, ...]] | None = None
    round_trip: Callable[[str], str] | None = None


def read_tokenizer(directory: Path) -> Tokenizer:
    """What is stated; nothing where there is no file, or none that can be read."""
    path = directory / "tokenizer.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        special = {
            int(token["id"]): str(token["content"])
            for token in document.get("added_tokens", [])
            if token.get("special")
        }
        forms = tuple(_forms(document.get("normalizer") or {}))
        strips = any(
            it.get("lstrip") or it.get("rstrip") for it in document.get("added_tokens", [])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Tokenizer({})
    return Tokenizer(special, forms, *(None, None) if strips else _codec(path))


def _forms(normalizer: dict[str, Any]) -> Iterator[Form]:
    """Also of a sequence of normalizers, however deep."""
    if normalizer.get("type") in _FORMS:
        yield normalizer["type"]
    for inner in normalizer.get("normalizers", ()):
        yield from _forms(inner)


_Codec = tuple[Callable[[str], tuple[int, ...]] | None, Callable[[str], str] | None]


def _codec(path: Path) -> _Codec:
    """How the file encodes text, and what text is after the way there and back."""
    try:
        import tokenizers
    except ImportError:
        return None, None
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception:  # tokenizers has no narrower one; such a file has no codec
        return None, None
    tokenizer.no_truncation()

    def encode(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(text, add_special_tokens=False).ids)

    def round_trip(text: str) -> str:
        return str(tokenizer.decode(encode(text), skip_special_tokens=False))

    return encode, round_trip
