"""Multiple choice in a chat: the choices are listed with letters, and an answer names one."""

import re
import string
from collections.abc import Iterator, Sequence

from harness.errors import ConfigError
from harness.item import Item
from harness.metrics.scorers.base import Grade
from harness.metrics.scorers.choice import require_choices
from harness.metrics.scorers.text import plain
from harness.reply import Reply

LETTERS = string.ascii_uppercase

_AT_THE_START = re.compile(
    r"\s*[*_\"'`]*([A-Za-z])[*_\"'`]*(?=\s*(?:$|\n)|[.):,]|\s*[/&]|\s+(?:or|and)\b)"
)
_NEXT = re.compile(  # of several in a row: "A, B or C", but not "B, a red one"
    r"(?:\s*[,/&]\s*(?:or\s+|and\s+)?|\s+(?:or|and)\s+)[*_\"'`]*"
    r"([A-Za-z])(?=[*_\"'`]*\s*(?:$|[\n.):,/&]|(?:or|and)\b))[*_\"'`]*"
)
_IN_BRACKETS = re.compile(r"(?<!\w)[(\[]([A-Za-z])[)\]]")
_CALLED_SO = re.compile(r"(?i:answer|option|choice|letter)(?i:\s+is)?\s*:?\s*[*_\"'`(]*([A-Z])\b")


def listing(choices: Sequence[str]) -> str:
    """Choices as a chat lists them, a line each: "A. red"."""
    return "\n".join(map(line, range(len(choices)), choices))


def line(number: int, choice: str) -> str:
    """One of them."""
    return f"{LETTERS[number]}. {choice}"


def listed(item: Item, reply: Reply) -> Grade:
    """The answer names the expected choice and no other; one that names none or several is invalid.

    A letter counts that begins the answer ("B", "B. red", both in "A or B"), stands in brackets, or
    is called the answer ("The answer is B"); others may be words ("A red one"). Where no letter
    does, the texts of choices are looked for, as words whatever their case and marks, and one that
    is a part of another that is found is not.
    """
    named = _by_letter(reply.answer.text, len(item.choices))
    named = named or _by_text(reply.answer.text, item.choices)
    is_valid = len(named) == 1
    return Grade(float(named == {item.choices.index(item.expected)}), is_valid)


def _by_letter(text: str, count: int) -> set[int]:
    found = [*_first(text), *_IN_BRACKETS.findall(text), *_CALLED_SO.findall(text)]
    numbers = {LETTERS.index(letter.upper()) for letter in found}
    return {number for number in numbers if number < count}


def _first(text: str) -> Iterator[str]:
    """The letter that an answer begins with, and those that are named in one breath with it."""
    place = _AT_THE_START.match(text)
    while place:
        yield place[1]
        place = _NEXT.match(text, place.end())


def _by_text(text: str, choices: Sequence[str]) -> set[int]:
    said = f" {plain(text)} "
    words = {number: f" {plain(choice)} " for number, choice in enumerate(choices)}
    found = {number: it for number, it in words.items() if it.strip() and it in said}
    return {
        number
        for number, it in found.items()
        if not any(it in other and it != other for other in found.values())
    }


def require_listed(item: Item) -> None:
    """Refuse choices that cannot be told apart, and a chat that does not list them."""
    require_choices(item)
    if len(item.choices) > len(LETTERS):
        raise ConfigError(
            f"a chat lists {len(LETTERS)} choices at most, a letter each: found {len(item.choices)}"
        )
    if listing(item.choices) not in item.messages[-1][1]:
        raise ConfigError(
            f"the chat must list the choices, a line each as in {line(0, item.choices[0])!r}: "
            f"found {item.messages[-1][1]!r}"
        )
