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
        return self._read(ids, {})[0]

    def _read(self, ids: Sequence[int], past: dict[str, Any]) -> tuple[Logs, dict[str, Any]]:
        """The same after a past, and what is the past of what comes next."""
        tokens = np.array([ids], np.int64)
        known = next(iter(past.values())).shape[2] if past else 0
        feeds: dict[str, Any] = {}
        for it in self._session.get_inputs():
            if it.name == "input_ids":
                feeds[it.name] = tokens
            elif it.name == "attention_mask":
                feeds[it.name] = np.ones((1, known + tokens.size), np.int64)
            elif it.name == "position_ids":
                feeds[it.name] = np.arange(known, known + tokens.size)[None]
            else:  # keys and values of what came before: nothing
                feeds[it.name] = past.get(it.name, self._nothing)
        names = [it.name for it in self._session.get_outputs()]
        given = dict(zip(names, self._session.run(names, feeds), strict=True))
        logits = given.pop("logits")
        rows = logits[0].astype(np.float64)
        rows -= rows.max(axis=1, keepdims=True)
        found: Logs = rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
        return found, {name.replace("present", "past_key_values"): it for name, it in given.items()}

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
        """Log-probability of a choice after a prompt, encoded together and read one after the
        other, in nats: an int8 kernel gives other logits for one row than for several (AVX2).
        """
        before, whole = self.ids(prompt), self.ids(prompt + choice)
        seam = next((at for at, it in enumerate(before) if whole[at] != it), len(before))
        last, past = self._read(whole[:seam], {})
        said = whole[seam:-1]  # the last token predicts nothing
        logs = [last[-1], *(self._read(said, past)[0] if said else ())]
        return float(sum(row[token] for row, token in zip(logs, whole[seam:], strict=True)))
