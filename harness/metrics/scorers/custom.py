"""Scores by the user's own function."""

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

from harness.errors import ConfigError, HarnessError
from harness.item import Item
from harness.metrics.scorers.base import Grade
from harness.reply import Reply


def function(item: Item, reply: Reply) -> Grade:
    """What ``function(item, text)`` says of an answer, a number from 0 to 1.

    `item` is the `harness.item.Item`, `text` the answer. Whatever else comes of it is a mistake of
    the function's, never the model's: ConfigError.
    """
    score = _called(item, reply.answer.text)
    try:
        return Grade(float(score + 0.0))  # a text that reads as a number is none
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"the scorer {item.function} must return a number from 0 to 1: "
            f"for item {item.id} it returned {score!r}"
        ) from error


def require_function(item: Item) -> None:
    """Refuse a function that cannot be had."""
    _imported(item.function)


def _called(item: Item, text: str) -> Any:
    scorer = _imported(item.function)
    try:
        return scorer(item, text)
    except HarnessError:
        raise
    except Exception as error:  # the user's own function, whose bug is no fault of the model's
        raise ConfigError(
            f"the scorer {item.function} raised {_line(error)} on item {item.id}: mend it"
        ) from error


@cache
def _imported(path: str) -> Callable[[Item, str], Any]:
    module, _, name = path.partition(":")
    if not (module and name):
        raise ConfigError(f"a scorer of yours must be 'package.module:function': found {path!r}")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # an import runs the user's module, which may raise anything
        raise ConfigError(f"the scorer {path!r} cannot be imported: {_line(error)}") from error
    if not callable(found):
        raise ConfigError(f"the scorer {path!r} must be a function: found {type(found).__name__}")
    scorer: Callable[[Item, str], Any] = found
    return scorer


def _line(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}".rstrip(": ")
