"""What a row of a public bank asks, and how a dialect reads it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.asking import Format, Normalize
from harness.errors import ConfigError
from harness.item import Scorer

Fields = Mapping[str, Any]
"""A row of a bank by the names of its fields."""

ALL = "all"


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, and the right one of some choices, or what an answer is compared with.

    `shown` is the right answer as an example shows it, where that is not `expected`; `plain` the
    prompt of a base model, where that is another. `normalize` is how lm-evaluation-harness compares
    the choices in the figure that it is known for.
    """

    prompt: str
    expected: str
    choices: tuple[str, ...] = ()
    scorer: Scorer = Scorer.CHOICE
    shown: str = ""
    max_new_tokens: int = 64
    until: tuple[str, ...] = ()
    plain: str = ""
    normalize: Normalize = Normalize.CHARACTER


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way to write a bank.

    `needs` names the fields as a message does. `prompt` is what a row asks, of one without a right
    answer too; `read` raises ConfigError, which names no place, for values that make no question.
    """

    format: Format
    needs: str
    fits: Callable[[Fields], bool]
    prompt: Callable[[Fields], str]
    read: Callable[[Fields], Question]


def text_of(row: Fields, key: str) -> str:
    """A field that must be a text with something in it."""
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{key} must be a text: found {value!r}")
    return value


def texts_of(row: Fields, key: str) -> list[str]:
    """A field that must be a list of texts."""
    value = row.get(key)
    if not isinstance(value, list) or not all(isinstance(it, str) for it in value):
        raise ConfigError(f"{key} must be a list of texts: found {value!r}")
    return value


def choice_question(prompt: str, texts: Sequence[str], right: int) -> Question:
    """A question whose choices have the texts, of which the same is one choice alone."""
    return Question(prompt, texts[right], tuple(dict.fromkeys(texts)))


def place_of(row: Fields, key: str, count: int) -> int:
    """A field that says by its number, from 0, which of so many choices is right."""
    value = row.get(key)
    number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < count:
        raise ConfigError(
            f"{key} must say which choice is right, from 0 to {count - 1}: found {value!r} "
            "(a test split may have none: take one that has)"
        )
    return number


def slice_of(row: Fields) -> str:
    """The kind of a question, where the row says one."""
    for key in ("activity_label", "category"):
        value = row.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ALL
