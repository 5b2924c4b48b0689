"""Conversations that a quantizer looks at: read from a file, and handed to Olive as token ids."""

from pathlib import Path
from typing import Any

from harness.builders.recipe_config import CALIBRATION
from harness.errors import ConfigError
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


def _batches(path: str, checkpoint: str) -> list[tuple[dict[str, Any], Any]]:
    """Inputs of the checkpoint and, unused, their labels; both arrays of token ids."""
    import numpy as np
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    batches = []
    for turns in conversations(Path(path)):
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        ids = np.array(tokenizer(text, add_special_tokens=False)["input_ids"], np.int64)
        batches.append(({"input_ids": ids, "attention_mask": np.ones_like(ids)}, ids))
    return batches
