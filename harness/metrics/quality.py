"""Whether an answer is right."""

import json
import re
import unicodedata
from dataclasses import dataclass

from harness.item import Item, Scorer
from harness.reply import Reply


@dataclass(frozen=True, slots=True)
class Grade:
    """A score from 0, wrong, to 1, right.

    `is_valid` says whether the answer has the format that the scorer asks for; None where it asks
    for none.
    """

    score: float
    is_valid: bool | None = None


def grade(item: Item, reply: Reply) -> Grade:
    """How good a reply is by the item's scorer."""
    return Grade(float(_SCORERS[item.scorer](reply.answer.text, item.expected)))


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
