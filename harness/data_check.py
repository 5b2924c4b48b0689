"""What is wrong with domain data before anything is measured on it: pure checks of items."""

import string
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.answer import Messages
from harness.item import Item

_MARKS = string.punctuation + "…“”„‘’«»¿¡、。！？"
_SIGNS = "+-#%$&/\\*=<>@~^|{}_`"
_SENTENCE_MARKS = "".join(mark for mark in _MARKS if mark not in _SIGNS)


class Kind(StrEnum):
    """What may be wrong; the text is what a line of the report begins with."""

    DUPLICATE = "duplicate"
    CONTRADICTION = "contradiction"
    NEAR_DUPLICATE = "near duplicate"
    LEAK = "leak"
    NEAR_LEAK = "near leak"
    TOO_FEW = "too few items"
    UNPRODUCIBLE = "unproducible answer"
    LONG_ANSWER = "long answer"
    CHAT = "no plain text"
    TEMPLATE = "no chat template"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, of which items or slices, and what to do about it."""

    kind: Kind
    ids: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {', '.join(self.ids)}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Trained:
    """A chat that the model was trained on, up to a question, and where it stands; with the choices
    that it offers where they are known.
    """

    messages: Messages
    place: str
    choices: tuple[str, ...] = ()


class Places:
    """Where a chat stands. The same chat with other choices is another question, as in PIQA; with
    choices that are not known it may be the same.
    """

    def __init__(self) -> None:
        self._found: dict[Messages, dict[frozenset[str], str]] = {}

    def add(self, chat: Messages, choices: Sequence[str], place: str) -> None:
        """The first place of each stays."""
        self._found.setdefault(chat, {}).setdefault(frozenset(choices), place)

    def of(self, chat: Messages, choices: Sequence[str]) -> str:
        """Empty where it stands nowhere."""
        places, wanted = self._found.get(chat, {}), frozenset(choices)
        known = [place for it, place in places.items() if not it or not wanted or it == wanted]
        return next(iter(known), "")


def gist(messages: Messages) -> tuple[tuple[str, str], ...]:
    """A chat without what does not make it another one.

    That is case, compatibility forms, white space, marks at the ends of words, what the system
    says, and "Question:" before a text and "Answer:" after it. Signs stay: "-5" is not "5", and
    "C++" is not "C".
    """
    return tuple((role, _gist(content)) for role, content in messages if role != "system")


def gists(choices: Sequence[str]) -> list[str]:
    """Choices without the same."""
    return [_gist(it) for it in choices]


def _gist(text: str) -> str:
    words = unicodedata.normalize("NFKC", text).casefold().split()
    if words[:1] == ["question:"]:
        words = words[1:]
    if words[-1:] == ["answer:"]:
        words = words[:-1]
    return " ".join(filter(None, (word.strip(_SENTENCE_MARKS) for word in words)))


def duplicates(items: Sequence[Item]) -> list[Problem]:
    """Items that ask the same, of which the gate asks one only, or nearly the same."""
    found = []
    same = _groups((item.asked, item) for item in items)
    for group in same:
        if len({item.expected for item in group}) > 1:
            reason = "the same chat, but other answers are expected: keep one"
            found.append(Problem(Kind.CONTRADICTION, _ids(group), reason))
        else:
            reason = "the same chat, which counts once: keep one"
            found.append(Problem(Kind.DUPLICATE, _ids(group), reason))
    firsts = {item.asked: item for item in reversed(items)}.values()
    nearly = (((gist(item.messages), item.asked[1]), item) for item in reversed(firsts))
    for group in _groups(nearly):
        reason = "the same but for case, marks, white space or system message: keep one"
        found.append(Problem(Kind.NEAR_DUPLICATE, _ids(group), reason))
    return found


def _groups(pairs: Iterable[tuple[Hashable, Item]]) -> list[list[Item]]:
    """Items of one key each, where there are several."""
    by_key: dict[Hashable, list[Item]] = defaultdict(list)
    for key, item in pairs:
        by_key[key].append(item)
    return [group for group in by_key.values() if len(group) > 1]


def _ids(items: Iterable[Item]) -> tuple[str, ...]:
    return tuple(item.id for item in items)


def leaks(
    items: Sequence[Item], trained: Iterable[Trained], use: str = "trained on"
) -> list[Problem]:
    """Items whose chat the model was trained on, as it stands or nearly so.

    `use` says what was done with the chats where it is something else.
    """
    exact, near = Places(), Places()
    for it in trained:
        exact.add(it.messages, it.choices, it.place)
        near.add(gist(it.messages), gists(it.choices), it.place)
    found = []
    for item in items:
        if place := exact.of(item.messages, item.choices):
            reason = f"{use} as it stands ({place}): it shows memory, not skill"
            found.append(Problem(Kind.LEAK, (item.id,), reason))
        elif place := near.of(gist(item.messages), gists(item.choices)):
            reason = f"{use} but for case, marks, white space or system message ({place})"
            found.append(Problem(Kind.NEAR_LEAK, (item.id,), reason))
    return found
