"""Runtimes without a model whose logits are known: each expects one more than what it just read."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.answer import Answer, Messages, Request
from harness.errors import RequestError
from harness.runtimes.scripted import VOCABULARY, Scripted


class Expecting(Scripted):
    """Surer of the next token the less `doubt` is in its folder's file of that name."""

    doubt = 0.0
    width = VOCABULARY
    broken = False

    def load(self, directory: Path) -> None:
        super().load(directory)
        path = directory / "expecting.json"
        self.__dict__.update(json.loads(path.read_text()) if path.is_file() else {})

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if answer.logits is None:
            return answer
        tokens = np.array(answer.prompt_ids[request.score_from - 1 : -1])
        logits = np.zeros((len(tokens), self.width), np.float32)
        logits[np.arange(len(tokens)), (tokens + 1) % self.width] = 5.0 - self.doubt
        if self.broken:
            logits[-1, 3] = np.nan
        return replace(answer, logits=logits)


class RefusingSystem(Expecting):
    """Has a template for chats without a system message only."""

    def render(self, messages: Messages) -> str:
        if messages[0][0] == "system":
            raise RequestError("no such role")
        return super().render(messages)
