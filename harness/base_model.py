"""A base model: one that nobody asks in chats, and what of a bank it cannot be asked."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.answer import is_question
from harness.data_check import Kind, Problem
from harness.errors import ConfigError
from harness.item import Item
from harness.probes.chat_template import has_chat_template
from harness.release import ModelSource

_NAMED = 3


def asks_chats(model: ModelSource | None, directory: Path) -> bool:
    """Whether a model is asked in chats: as ``[model] chat`` says, and else where it has a chat
    template.

    `directory` is the checkpoint's, or the reference's where there is no checkpoint. Raises
    ConfigError where the release says that there are chats and there is no template for them.
    """
    stated = None if model is None else model.chat
    has_template = has_chat_template(directory)
    if stated and not has_template:
        raise ConfigError(
            "[model] chat is true, so there must be a chat template, add chat_template.jinja or "
            f"remove chat: found none in {directory}"
        )
    return has_template if stated is None else stated


def require_no_templates(model: ModelSource | None, folders: Mapping[str, Path]) -> None:
    """Raise ConfigError where a variant of a base model has a chat template after all, and nobody
    says that it is not used: then the checkpoint's may just have been forgotten.
    """
    found = [name for name, folder in folders.items() if has_chat_template(folder)]
    if found and (model is None or model.chat is None):
        whose = "the reference" if model is None else "the checkpoint"
        raise ConfigError(
            f"{whose} has no chat template, so no variant may have one, give it its own or say "
            f"[model] chat = false: found one in {', '.join(found)}"
        )


def remark(model: ModelSource | None) -> str:
    """What the reader must know of how a base model is asked."""
    is_stated = model is not None and model.chat is False
    why = "[model] chat is false" if is_stated else "the model has no chat template"
    return f"{why}: it is asked as plain text"


def chats_among(items: Sequence[Item]) -> list[Problem]:
    """The items that a base model cannot be asked, all of them as one problem."""
    chats = [item.id for item in items if not is_question(item.messages)]
    if not chats:
        return []
    named = (*chats[:_NAMED], *([f"{len(chats) - _NAMED:,} more"] if len(chats) > _NAMED else ()))
    reason = (
        f"{len(chats):,} of {len(items):,} items have several turns or a system message, and the "
        "model is asked as plain text: make each one prompt, or give the model its chat template"
    )
    return [Problem(Kind.CHAT, named, reason)]


def require_no_chats(items: Sequence[Item]) -> None:
    """Raise ConfigError where a base model's bank holds a chat."""
    for problem in chats_among(items):
        raise ConfigError(str(problem))
