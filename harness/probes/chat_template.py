"""The chat templates that a folder holds, a package's or a checkpoint's."""

import json
from pathlib import Path

from harness.metrics.chat_templates import named_template

_TEMPLATE, _CONFIG = "chat_template.jinja", "tokenizer_config.json"


def read_templates(directory: Path) -> tuple[str, str]:
    """Those in the tokenizer's configuration and in a file of its own, which comes first where
    there are both; "" for one that is not there or cannot be read.
    """
    config, path = directory / _CONFIG, directory / _TEMPLATE
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return _inline(config) if config.is_file() else "", text


def has_chat_template(directory: Path) -> bool:
    """Whether there is a template to ask the model in chats by."""
    return any(text.strip() for text in read_templates(directory))


def _inline(config: Path) -> str:
    try:
        found = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return ""
    return named_template(found.get("chat_template")) if isinstance(found, dict) else ""
