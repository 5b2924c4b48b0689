"""Runtimes that generate what their own logits say, and what long prompts do to some of them.

Each is itself for every variant but the one whose folder is called "damaged".
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.answer import Answer, Request
from tests.plugins import long_plants
from tests.suites.paced import LONG, Paced


class Reciting(Paced):
    """Greedy by its waves, which the whole prompt moves."""

    def answer(self, request: Request) -> Answer:
        if request.is_scored or request.forced:
            return super().answer(request)
        prompt = [int(token) for token in self._prompt(request)]
        tokens = list[int]()
        for _ in range(request.max_new_tokens):
            phase = np.float32(sum(prompt) + sum(tokens))
            tokens.append(int(np.sin(phase + np.arange(257, dtype=np.float32)).argmax()))
        found = super().answer(replace(request, forced=tuple(tokens), keep_prefix=False))
        return replace(found, token_ids=tuple(tokens))


class _Struck:
    """A plant that is in the damaged variant alone."""

    long = LONG

    def load(self, directory: Path) -> None:
        super().load(directory)  # type: ignore[misc]
        if not self.is_damaged:
            self.long = 1 << 20


class WrongAfterFirst(_Struck, long_plants.WrongAfterFirst, Reciting):
    by = 3  # the next one is nearly as likely


class LosesTokens(_Struck, long_plants.LosesTokens, Reciting):
    each = 64


class TruncatesChats(_Struck, long_plants.TruncatesChats, Reciting):
    pass


class NotFinite(Reciting):
    """One logit of what it generates after a long prompt is infinite."""

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        if self.is_damaged and request.tell_logits and len(found.prompt_ids) > LONG:
            found.logits[0, 0] = np.inf
        return found


class Silent(Reciting):
    """Tells no logits of its steps."""

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        return replace(found, logits=None) if request.tell_logits else found


class Wavering(Paced):
    """Its first token of a long prompt costs somewhat more than is allowed: one look may not do."""

    def costs_ms(self, length: int) -> tuple[float, float]:
        first, between = super().costs_ms(length)
        noise = self.random.lognormal(0, 0.05)
        return first * noise * (1.25 if self.is_damaged and length >= LONG else 1), between
