"""Whether an answer is right."""

import json
import re
import unicodedata

from harness.item import Item, Scorer


def score(item: Item, text: str) -> float:
    """1 when the answer is right by the item's scorer, else 0."""
    return float(_SCORERS[item.scorer](text, item.expected))


def _exact(text: str, expected: str) -> bool:
    return text.strip() == expected.strip()


def _normalized(text: str, expected: str) -> bool:
    return _plain(text) == _plain(expected)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join(re.sub(r"[^\w\s]", " ", folded).split())


def _contains(text: str, expected: str) -> bool:
    return expected.strip().casefold() in text.casefold()


def _json(text: str, expected: str) -> bool:
    try:
        return bool(json.loads(text) == json.loads(expected))
    except ValueError:
        return False


_SCORERS = {
    Scorer.EXACT: _exact,
    Scorer.NORMALIZED: _normalized,
    Scorer.CONTAINS: _contains,
    Scorer.JSON: _json,
}
