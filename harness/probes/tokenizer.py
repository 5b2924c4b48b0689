"""Reads what a variant's tokenizer.json states, to hold the runtime's tokenizer against."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from harness.metrics.edge_cases import Form, has_numerals, is_normal

_FORMS = get_args(Form)


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """`special` holds the special tokens by id, `forms` the Unicode normal forms that text is put
    into first, and `encode` gives the token ids of text where the `tokenizers` library is installed
    and can read the file. A file whose added tokens take blanks along has none: today's engine does
    not, which is a rule of its own where the source is compared (`precision.source_strip`).
    `round_trip` gives what a text is once it is encoded and decoded, where `encode` is there.
    With `splits_numerals` each numeral is to be a piece of its own. `absent_bytes` are those of
    UTF-8 that the vocabulary has no token for.
    """

    special: dict[int, str]
    forms: tuple[Form, ...] = ()
    encode: Callable[[str], tuple[int, ...]] | None = None
    round_trip: Callable[[str], str] | None = None
    splits_numerals: bool = False
    absent_bytes: frozenset[int] = frozenset()

    def is_read_so(self, text: str) -> bool:
        """Whether today's engine does to a text all that the file states: it normalizes nothing, of
        numerals it splits off the digits 0 to 9 alone, and a byte without a token has the id -1.
        """
        if self.splits_numerals and has_numerals(text):
            return False
        if self.absent_bytes.intersection(text.encode(errors="surrogatepass")):
            return False
        return is_normal(text, self.forms)


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
        kinds = [*_kinds(document.get("pre_tokenizer") or {})]
        absent = _absent_bytes(document.get("model") or {}) if "ByteLevel" in kinds else ()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Tokenizer({})
    encode, round_trip = (None, None) if strips else codec(path)
    return Tokenizer(special, forms, encode, round_trip, "Digits" in kinds, frozenset(absent))


def _forms(normalizer: dict[str, Any]) -> Iterator[Form]:
    """Also of a sequence of normalizers, however deep."""
    if normalizer.get("type") in _FORMS:
        yield normalizer["type"]
    for inner in normalizer.get("normalizers", ()):
        yield from _forms(inner)


def _absent_bytes(model: dict[str, Any]) -> Iterator[int]:
    """Bytes that a vocabulary of letters for bytes (GPT-2's) has no token for, nor one in their
    place.
    """
    vocabulary = model.get("vocab")
    if model.get("unk_token") is None and isinstance(vocabulary, dict):
        yield from (byte for byte, letter in _letters() if letter not in vocabulary)


def _letters() -> Iterator[tuple[int, str]]:
    """Each byte with the letter that stands for it: itself where it can be seen, else another."""
    others = 0
    for byte in range(256):
        is_seen = 33 <= byte < 127 or 161 <= byte < 173 or byte >= 174
        yield byte, chr(byte) if is_seen else chr(256 + others)
        others += not is_seen


def _kinds(pre_tokenizer: dict[str, Any]) -> Iterator[str]:
    """Of a pre-tokenizer, and of all that it is a sequence of."""
    yield str(pre_tokenizer.get("type"))
    for inner in pre_tokenizer.get("pretokenizers", ()):
        yield from _kinds(inner)


_Codec = tuple[Callable[[str], tuple[int, ...]] | None, Callable[[str], str] | None]


def codec(path: Path) -> _Codec:
    """How a tokenizer.json encodes text, into token ids and nothing before or after them, and what
    text is after the way there and back; None where the `tokenizers` library cannot read it.
    """
    try:
        import tokenizers
    except ImportError:
        return None, None
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception:  # tokenizers raises this class itself; packaging judges the file
        return None, None
    tokenizer.no_truncation()

    def encode(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(text, add_special_tokens=False).ids)

    def round_trip(text: str) -> str:
        return str(tokenizer.decode(encode(text), skip_special_tokens=False))

    return encode, round_trip
