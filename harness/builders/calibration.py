"""Conversations that a quantizer looks at: read from a file, and handed to Olive as token ids."""

from pathlib import Path
from typing import Any

from harness.builders.recipe_config import CALIBRATION
from harness.errors import ConfigError
from harness.probes.chat_template import has_chat_template
from harness.probes.first_token import read_first_token
from harness.rows import read_rows

Conversation = list[dict[str, str]]


def conversations(path: Path) -> list[Conversation]:
    """Every conversation of a file, the answer as its last message.

    A row is written like a domain item, of which `prompt` or `messages` and `expected` are read;
    the answer may stand as the last of the messages instead. Raises ConfigError of one line.
    """
    found = [_conversation(place, row) for place, row in read_rows(path)]
    if not found:
        raise ConfigError(f"calibration needs at least one conversation: found none in {path.name}")
    return found


def _conversation(place: str, row: dict[str, Any]) -> Conversation:
    said = row.get("messages", [{"role": "user", "content": row.get("prompt")}])
    answer = row.get("expected")
    try:
        said = said if answer is None else [*said, {"role": "assistant", "content": answer}]
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in said]
    except (KeyError, TypeError):
        turns = []
    texts = [text for turn in turns for text in turn.values()]
    if (
        not turns
        or turns[-1]["role"] != "assistant"
        or not all(isinstance(it, str) for it in texts)
    ):
        raise ConfigError(
            f"{place} must be a conversation with its answer, prompt or messages and expected: "
            "mend or remove it"
        )
    return turns


def offer_to_olive() -> None:
    """Make `CALIBRATION` a data set that Olive's configurations can name."""
    from olive.data.registry import Registry

    Registry.register_dataset(CALIBRATION)(_batches)


def plain_text(turns: Conversation, first_token: str) -> str:
    """A question and its answer as a base model reads them; ConfigError for any other chat."""
    if [turn["role"] for turn in turns] != ["user", "assistant"]:
        roles = " + ".join(turn["role"] for turn in turns)
        raise ConfigError(
            "a model that is asked as plain text is calibrated on prompts with their answers, "
            f"write each as prompt and expected: found {roles}"
        )
    return first_token + "".join(turn["content"] for turn in turns)


def _batches(path: str, checkpoint: str, is_chat: bool) -> list[tuple[dict[str, Any], Any]]:
    """Inputs of the checkpoint and, unused, their labels; both arrays of token ids."""
    import numpy as np
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    has_chats = is_chat and has_chat_template(Path(checkpoint))
    first_token = read_first_token(Path(checkpoint))
    batches = []
    for turns in conversations(Path(path)):
        if has_chats:
            text = tokenizer.apply_chat_template(turns, tokenize=False)
        else:
            text = plain_text(turns, first_token)
        ids = np.array(tokenizer(text, add_special_tokens=False)["input_ids"], np.int64)
        batches.append(({"input_ids": ids, "attention_mask": np.ones_like(ids)}, ids))
    return batches
