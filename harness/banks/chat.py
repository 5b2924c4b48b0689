"""How items are asked: choices listed or not, after examples, and after a system message."""

from collections.abc import Sequence
from dataclasses import replace

from harness.answer import Messages
from harness.asking import Ask, Normalize
from harness.banks.entry import Entry
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers.listed import LETTERS, line, listing

_ANSWER = "\nAnswer:"
_NEW_TOKENS = 64
"""At least: items whose choices are scored may state none, for nothing was to be generated."""


def asked(entry: Entry, ask: Ask) -> Entry:
    """An item of choices as it is to be asked; all others as they stand.

    Listed choices come before what ends the prompt ("Answer:"), as lm-evaluation-harness has them
    in MMLU. By letter the likelihoods are those of the letters. By text an answer is generated, and
    an example of one is letter and text.
    """
    item = entry.item
    if item.scorer is not Scorer.CHOICE or ask is Ask.LIKELIHOOD:
        return entry
    if len(item.choices) > len(LETTERS):
        raise ConfigError(
            f"item {item.id}: of {len(item.choices)} choices not each has a letter: ask by "
            f"{Ask.LIKELIHOOD}, or leave it out"
        )
    *before, (role, content) = item.messages
    content = f"{content.removesuffix(_ANSWER)}\n{listing(item.choices)}{_ANSWER}"
    item, right = replace(item, messages=(*before, (role, content))), _place(item)
    if ask is Ask.TEXT:
        return Entry(_to_name(item), line(right, item.expected))
    letters = tuple(LETTERS[: len(item.choices)])
    return Entry(replace(item, choices=letters, expected=letters[right]), letters[right])


def _place(item: Item) -> int:
    return item.choices.index(item.expected)


def _to_name(item: Item) -> Item:
    """The answer is generated, so it needs room, and no likelihoods are compared."""
    room = max(item.max_new_tokens, _NEW_TOKENS)
    return replace(item, scorer=Scorer.LISTED, normalize=Normalize.BYTE, max_new_tokens=room)


def examples_of(entries: Sequence[Entry]) -> Messages:
    """Turns of a chat in which the questions were answered right."""
    return tuple(turn for entry in entries for turn in _answered(entry))


def _answered(entry: Entry) -> Messages:
    if not entry.shown:
        raise ConfigError(
            f"[data] shots: {entry.item.id} has no answer that an example could show: its scorer "
            f"is {entry.item.scorer}"
        )
    turns = [turn for turn in entry.item.messages if turn[0] != "system"]
    return (*turns, ("assistant", entry.shown))


def with_context(item: Item, examples: Messages, system: str) -> Item:
    """An item after examples, and after a system message first of all."""
    own = item.messages[0][0] == "system"
    if own and system:
        raise ConfigError(
            f"item {item.id} has a system message of its own: leave [data] system out, or that"
        )
    first = (("system", system),) if system else item.messages[:own]
    return replace(item, messages=(*first, *examples, *item.messages[own:]))
