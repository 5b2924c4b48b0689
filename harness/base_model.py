"""A base model: one that nobody asks in chats, and what of a bank it cannot be asked."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from harness.answer import is_question
from harness.data_check import Kind, Problem
from harness.errors import ConfigError
from harness.item import Item
from harness.probes.chat_template import has_chat_template
from harness.release import ModelSource

_NAMED = 3


def joined(prompt: str, choice: str) -> str:
    """A plain text with a choice after it, as a word of its own; lm-evaluation-harness does so."""
    is_apart = prompt[-1:].isspace() or choice[:1].isspace()
    return prompt + ("" if is_apart or _is_written_without(choice[:1]) else " ") + choice


def _is_written_without(letter: str) -> bool:
    """Whether words that begin so have no blank before them: Chinese and Japanese, not Korean."""
    is_korean = unicodedata.name(letter, "").startswith("HANGUL")
    return bool(letter) and unicodedata.east_asian_width(letter) in "WF" and not is_korean


def is_base(model: ModelSource | None) -> bool:
    """Whether the release says that nobody asks the model in chats."""
    return model is not None and model.chat is False


def asks_chats(model: ModelSource | None, directory: Path) -> bool:
    """Whether a model is asked in chats: all are but those whose ``[model] chat`` is false.

    `directory` is the checkpoint's, or the reference's where there is no checkpoint. Raises
    ConfigError where it has no chat template, for that may just have been forgotten.
    """
    if is_base(model):
        return False
    if not has_chat_template(directory):
        base = "say [model] chat = false if it is a base model"
        if model is None:
            base = f"name its checkpoint and {base}"
        raise ConfigError(
            f"a model that is asked in chats needs its chat template, add chat_template.jinja, or "
            f"{base}: found none in {directory}"
        )
    return True


REMARK = "[model] chat is false: it is asked as plain text"
"""What the reader must know of how a base model is asked."""


def chats_among(items: Sequence[Item]) -> list[Problem]:
    """The items that a base model cannot be asked, all of them as one problem."""
    chats = [item.id for item in items if not is_question(item.messages)]
    if not chats:
        return []
    named = (*chats[:_NAMED], *([f"{len(chats) - _NAMED:,} more"] if len(chats) > _NAMED else ()))
    reason = (
        f"{len(chats):,} of {len(items):,} items have several turns or a system message, and the "
        "model is asked as plain text: make each one prompt, or remove [model] chat = false"
    )
    return [Problem(Kind.CHAT, named, reason)]


def require_no_chats(items: Sequence[Item]) -> None:
    """Raise ConfigError where a base model's bank holds a chat."""
    for problem in chats_among(items):
        raise ConfigError(str(problem))
