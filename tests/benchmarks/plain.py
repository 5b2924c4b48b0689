"""A package computed anew, by onnxruntime, tokenizers and numpy alone: nothing of the harness."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from transformers import AutoTokenizer

Logs = NDArray[np.float64]
"""Log-probabilities in nats, (positions, vocabulary)."""


class Plain:
    """One package; every prompt is read as a whole, without a cache."""

    def __init__(self, directory: Path) -> None:
        config = json.loads((directory / "genai_config.json").read_text(encoding="utf-8"))
        self._tokenizer = AutoTokenizer.from_pretrained(directory)
        decoder = config["model"]["decoder"]
        heads, size = decoder["num_key_value_heads"], decoder["head_size"]
        self._nothing = np.zeros((1, heads, 0, size), np.float32)
        path = directory / decoder["filename"]
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        ends = config["model"]["eos_token_id"]
        self.ends = tuple(ends) if isinstance(ends, list) else (ends,)

    def prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """The token ids of a chat, up to where the answer begins."""
        return self.ids(self.rendered(messages))

    def rendered(self, messages: Sequence[tuple[str, str]]) -> str:
        """The chat as its template writes it."""
        chat = [{"role": role, "content": text} for role, text in messages]
        return str(
            self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        )

    def ids(self, text: str) -> list[int]:
        """The token ids of a text, as it stands."""
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def logs(self, ids: Sequence[int]) -> Logs:
        """What follows each token of a text, in double precision."""
        tokens = np.array([ids], np.int64)
        feeds: dict[str, Any] = {}
        for it in self._session.get_inputs():
            if it.name == "input_ids":
                feeds[it.name] = tokens
            elif it.name == "attention_mask":
                feeds[it.name] = np.ones_like(tokens)
            elif it.name == "position_ids":
                feeds[it.name] = np.arange(tokens.size)[None]
            else:  # keys and values of what came before: nothing
                feeds[it.name] = self._nothing
        [logits] = self._session.run(["logits"], feeds)
        rows = logits[0].astype(np.float64)
        rows -= rows.max(axis=1, keepdims=True)
        found: Logs = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
        return found

    def greedy(self, prompt: Sequence[int], most: int) -> list[int]:
        """The likeliest tokens one by one, the end that stops them among them."""
        said: list[int] = []
        while len(said) < most:
            said.append(int(self.logs([*prompt, *said])[-1].argmax()))
            if said[-1] in self.ends:
                break
        return said

    def text(self, ids: Sequence[int]) -> str:
        """What tokens say."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))

    def likelihood(self, prompt: str, choice: str) -> float:
        """Log-probability of a choice after a prompt, encoded together, in nats."""
        before, whole = self.ids(prompt), self.ids(prompt + choice)
        seam = next((at for at, it in enumerate(before) if whole[at] != it), len(before))
        logs = self.logs(whole)
        return float(sum(logs[at - 1, whole[at]] for at in range(seam, len(whole))))
