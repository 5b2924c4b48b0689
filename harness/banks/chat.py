"""How items are asked: choices listed or not, after examples, and after a system message.

A base model is asked all of it as one text, with an empty line between its parts: the system
message, each example with its answer as lm-evaluation-harness has them, and the question.
"""

from collections.abc import Sequence
from dataclasses import replace

from harness.answer import Messages, is_question
from harness.asking import Ask, Normalize
from harness.banks.entry import Entry
from harness.base_model import joined
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers.listed import LETTERS, line, listing

_ANSWER = "\nAnswer:"
_LINE = ("\n",)
_EMPTY_LINE = "\n\n"
_NEW_TOKENS = 64
"""At least: items whose choices are scored may state none, for nothing was to be generated."""


def asked(entry: Entry, ask: Ask, is_chat: bool = True) -> Entry:
    """An item of choices as it is to be asked; all others as they stand.

    Listed choices come before what ends the prompt ("Answer:"), as lm-evaluation-harness has them
    in MMLU. By letter the likelihoods are those of the letters. By text an answer is generated, and
    an example of one is letter and text; a base model's ends with its line.
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
        item = _to_name(item)
        item = item if is_chat else replace(item, until=_LINE)
        return Entry(item, line(right, item.expected))
    letters = tuple(LETTERS[: len(item.choices)])
    return Entry(replace(item, choices=letters, expected=letters[right]), letters[right])


def _place(item: Item) -> int:
    return item.choices.index(item.expected)


def _to_name(item: Item) -> Item:
    """The answer is generated, so it needs room, and no likelihoods are compared."""
    room = max(item.max_new_tokens, _NEW_TOKENS)
    return replace(item, scorer=Scorer.LISTED, normalize=Normalize.BYTE, max_new_tokens=room)


def in_chat(item: Item, examples: Sequence[Entry], system: str) -> Item:
    """An item after examples, as turns of a chat, and after a system message first of all."""
    own = item.messages[0][0] == "system"
    if own and system:
        raise ConfigError(
            f"item {item.id} has a system message of its own: leave [data] system out, or that"
        )
    first = (("system", system),) if system else item.messages[:own]
    shown = [turn for entry in examples for turn in (*_turns(entry), ("assistant", entry.shown))]
    return replace(item, messages=(*first, *shown, *item.messages[own:]))


def in_text(item: Item, examples: Sequence[Entry], system: str) -> Item:
    """The same as one text. A generated answer ends where the next question would begin, unless
    the item says where. An item that is a chat stays as it stands.
    """
    if not (examples or system) or not is_question(item.messages):
        return item
    shown = [joined(_question(entry), entry.shown) for entry in examples]
    text = _EMPTY_LINE.join([*filter(None, [system]), *shown, item.messages[-1][1]])
    found = replace(item, messages=(("user", text),))
    is_open = bool(examples) and item.scorer is not Scorer.CHOICE and not item.until
    return replace(found, until=(_EMPTY_LINE,)) if is_open else found


def _question(entry: Entry) -> str:
    *before, (_, content) = _turns(entry)
    if before:
        raise ConfigError(
            f"[data] shots: {entry.item.id} is a chat of several turns, and the model is asked as "
            "plain text: take examples of one question each"
        )
    return content


def _turns(entry: Entry) -> Messages:
    """What is asked in an example, without a system message of its own."""
    if not entry.shown:
        raise ConfigError(
            f"[data] shots: {entry.item.id} has no answer that an example could show: its scorer "
            f"is {entry.item.scorer}"
        )
    return tuple(turn for turn in entry.item.messages if turn[0] != "system")
