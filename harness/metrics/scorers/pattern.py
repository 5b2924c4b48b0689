"""Searching for a user's pattern, which may be one that takes for ever."""

from functools import lru_cache
from typing import Any

from harness.errors import ConfigError
from harness.item import Item
from harness.metrics.scorers.base import Grade
from harness.reply import Reply

SECONDS = 5.0
_ODD = "\N{SNOWMAN} what nobody expects"
_ANY_TEXTS = ("q", _ODD, _ODD * 50)
"""Short and long; not the empty one, for a pattern that any text matches is hardly better."""


def matches(item: Item, reply: Reply) -> Grade:
    """The expected pattern is found in the answer; ``^`` and ``$`` make it the whole answer."""
    return Grade(float(is_found(item.expected, reply.answer.text)))


def require_pattern(item: Item) -> None:
    """Refuse what is no pattern, or one that every answer matches."""
    if all(is_found(item.expected, text) for text in _ANY_TEXTS):
        raise ConfigError(f"every answer matches the pattern {item.expected!r}: ask for more")


def is_found(pattern: str, text: str) -> bool:
    """Whether the pattern, as Python's `re` understands it, is found in a text.

    Raises ConfigError for what is no pattern, and for one that backtracks for seconds.
    """
    try:
        return _compiled(pattern).search(text, timeout=SECONDS) is not None
    except TimeoutError as error:
        raise ConfigError(
            f"the pattern {pattern!r} takes over {SECONDS:g} s on an answer of {len(text)} "
            "characters: remove a repetition within a repetition"
        ) from error


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Any:
    import regex  # because `re` cannot be stopped

    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ConfigError(f"this is not a pattern ({error}): {pattern!r}") from error
