"""Long chats of the domain's own questions and answers, and the same with one fact exchanged."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.answer import Messages
from harness.item import Item
from harness.metrics.scaling import places

BEGINNING, MIDDLE, END = "beginning", "middle", "end"
PLACES = (BEGINNING, MIDDLE, END)
"""Where a fact is exchanged."""

SHORTEST_TOKENS = 96
"""Of a chat; a shorter one has no middle."""

_SPARE_TOKENS = 40  # that another fact may be longer
_LEAST_TURNS = 3
_NEAREST = 5  # facts of a turn's length that are tried in its place
_EVERY = 2  # place from the longest down: what is lost after some length is lost after longer ones

Turn = tuple[tuple[str, str], tuple[str, str]]
"""A question and its answer."""


@dataclass(frozen=True, slots=True)
class LongChat:
    """A chat that goes on for so many tokens before its last question.

    `exchanged` holds by place the same chat with another fact there.
    """

    tokens: int
    messages: Messages
    exchanged: Mapping[str, Messages]

    @property
    def as_text(self) -> "LongChat":
        """The same for a model without chats."""
        exchanged = {place: one_text(chat) for place, chat in self.exchanged.items()}
        return LongChat(self.tokens, one_text(self.messages), exchanged)


def one_text(chat: Messages) -> Messages:
    """The turns of a chat as lines of one text."""
    return (("user", "\n".join(content for _, content in chat)),)


def long_chats(
    items: Sequence[Item], rungs: Sequence[int], count: Callable[[Messages], int]
) -> tuple[LongChat, ...]:
    """Chats just over some of the lengths in tokens, ascending, and one up to the longest.

    `count` tells a chat's tokens. There is none where the shortest does not fit, or the domain has
    not the four items that it takes.
    """
    facts = _facts(items)
    if len(facts) < 4 or not rungs:
        return ()
    # where a few of the bank's first do not fit, the shortest may
    return _chats(facts, rungs, count) or _chats(sorted(facts, key=_size), rungs, count)


def _chats(
    facts: Sequence[Turn], rungs: Sequence[int], count: Callable[[Messages], int]
) -> tuple[LongChat, ...]:
    most = rungs[-1] - _SPARE_TOKENS
    found: dict[int, LongChat] = {}
    for length in chat_lengths(rungs):
        turns = _least_turns(length, lambda size: count(_chat(facts, size)))
        while turns > _LEAST_TURNS and count(_chat(facts, turns)) > most:
            turns -= 1
        tokens = count(_chat(facts, turns))
        if tokens <= most:
            chat = _long_chat(facts, turns, tokens, lambda it: count(it) <= rungs[-1])
            found.setdefault(tokens, chat)
    return tuple(found[tokens] for tokens in sorted(found))


def chat_lengths(rungs: Sequence[int]) -> tuple[int, ...]:
    """The lengths in tokens of which there is a chat: the longest, and every other place below."""
    return tuple(it for it in places(rungs)[::-1] if it >= SHORTEST_TOKENS)[::_EVERY][::-1]


def _least_turns(length: int, tokens_of: Callable[[int], int]) -> int:
    """The fewest turns of which a chat has at least so many tokens."""
    most = _LEAST_TURNS
    while tokens_of(most) < length:
        most *= 2
    return bisect_left(range(most), length, lo=_LEAST_TURNS, key=tokens_of)


def _facts(items: Sequence[Item]) -> list[Turn]:
    """Every item's question with the answer that is right, no two alike."""
    turns = {it.messages[-1][1]: it.expected for it in items if it.expected.strip()}
    return [(("user", asked), ("assistant", right)) for asked, right in turns.items()]


def _chat(facts: Sequence[Turn], turns: int) -> Messages:
    """So many turns, the facts one after the other and again, and the first one's question."""
    asked, _ = facts[0]
    others = facts[1:]
    return (*(it for n in range(turns) for it in others[n % len(others)]), asked)


def _long_chat(
    facts: Sequence[Turn], turns: int, tokens: int, fits: Callable[[Messages], bool]
) -> LongChat:
    chat = _chat(facts, turns)
    at = {BEGINNING: 0, MIDDLE: turns // 2, END: turns - 1}
    exchanged = {place: _exchanged(chat, facts, number, fits) for place, number in at.items()}
    return LongChat(tokens, chat, exchanged)


def _exchanged(
    chat: Messages, facts: Sequence[Turn], number: int, fits: Callable[[Messages], bool]
) -> Messages:
    """The chat with another fact in place of one turn: as long a one as there is, but one that
    fits: of equal characters some have more tokens.
    """
    old = chat[2 * number : 2 * number + 2]
    others = [it for it in facts if it != old]
    nearest = sorted(others, key=lambda it: abs(_size(it) - _size(old)))[:_NEAREST]
    found = [(*chat[: 2 * number], *it, *chat[2 * number + 2 :]) for it in nearest]
    shortest = min(others, key=_size)
    last = (*chat[: 2 * number], *shortest, *chat[2 * number + 2 :])
    return next(filter(fits, found), last)


def _size(turn: Messages) -> int:
    return sum(len(text) for _, text in turn)
