"""LAMBADA: the last word of a passage."""

import re
import string

from harness.asking import Format
from harness.banks.dialect import Dialect, Fields, Question, text_of
from harness.errors import ConfigError
from harness.item import Scorer

_BESIDE = {"text", "domain", "category", "id", "idx"}
_MARKS = string.punctuation + "…“”„‘’«»"
_NEW_TOKENS = 12  # room for a long word; a reply so short is not expected to end by itself
_ASKED = "Continue this text with its next word:"
"""A text goes on by itself before a model of text, but a chat model replies to what it is sent."""


def _fits(row: Fields) -> bool:
    return "text" in row and {*row} <= _BESIDE


def _prompt(row: Fields) -> str:
    return f"{_ASKED}\n\n{_parted(row)[0]}"


def _read(row: Fields) -> Question:
    """Right is a reply whose first word is the passage's last, case and marks aside.

    lm-evaluation-harness counts a word that is the likeliest token by token, so that a model which
    went on would say it first; a word that merely occurs in the reply is no such thing, and the
    whole reply is not the word alone, for nothing ends a text after one.
    """
    word = _parted(row)[1].strip(_MARKS)
    if not word:
        raise ConfigError(f"text must end with a word: found {row['text'][-20:]!r}")
    return Question(
        _prompt(row),
        rf"(?i)^\W*{re.escape(word)}(?!\w)",
        scorer=Scorer.REGEX,
        shown=word,
        max_new_tokens=_NEW_TOKENS,
        plain=_parted(row)[0],
    )


def _parted(row: Fields) -> tuple[str, str]:
    before, _, last = text_of(row, "text").strip().rpartition(" ")
    if not before:
        raise ConfigError(f"text must have words before its last: found {last!r}")
    return before, last


_NEEDS = 'text alone, and [data] format = "lambada"'
LAMBADA = Dialect(Format.LAMBADA, _NEEDS, _fits, _prompt, _read)
