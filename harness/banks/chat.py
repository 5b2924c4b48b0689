"""How items are asked: their choices listed in the chat, or not."""

from dataclasses import replace

from harness.asking import Ask, Normalize
from harness.banks.entry import Entry
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers.listed import LETTERS, line, listing

_ANSWER = "\nAnswer:"


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
    """The answer is generated; likelihoods are compared no more."""
    return replace(item, scorer=Scorer.LISTED, normalize=Normalize.BYTE)
