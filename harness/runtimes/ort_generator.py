"""What is read of a generator of onnxruntime-genai: its logits, its tokens, its likelihoods.

A generator is the binding's own object, which has no types.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.answer import Request
from harness.metrics.likelihood import log_likelihoods


class Watched:
    """A generator whose logits are looked at before each step: are they finite, and what are they
    where `keeps` says to keep them.
    """

    def __init__(self, generator: Any, keeps: bool = False) -> None:
        self._generator = generator
        self._rows: list[NDArray[np.float32]] | None = [] if keeps else None
        self.non_finite = 0

    @property
    def logits(self) -> NDArray[np.float32] | None:
        """Those of each step, (steps, vocabulary); None where none were kept."""
        return np.stack(self._rows) if self._rows else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._generator, name)

    def generate_next_token(self) -> None:
        """Look, then make the step."""
        self.get_logits()
        self._generator.generate_next_token()

    def get_logits(self) -> Any:
        """The generator's own, looked at."""
        logits = self._generator.get_logits()
        self.non_finite += not np.isfinite(logits).all()
        if self._rows is not None:
            self._rows.append(last_row(logits))
        return logits


def last_row(logits: Any) -> NDArray[np.float32]:
    """The logits of the last position, as a copy of their own."""
    array = np.asarray(logits, np.float32)
    row: NDArray[np.float32] = array.reshape(-1, array.shape[-1])[-1].copy()
    return row


def in_one_piece(generator: Any, prompt: NDArray[np.int32]) -> Any:
    """A new generator that reads what it is given at once, so that it has the logits of it all: it
    parts what it reads first, and nothing after that.
    """
    generator.append_tokens(prompt[:1])
    generator.rewind_to(0)
    return generator


def common_tokens(generator: Any, prompt: NDArray[np.int32]) -> int:
    """How many tokens a generator's sequence and a prompt begin with both.

    One of the prompt's is always left to append: what predicts the next token comes of it. The last
    of the sequence is left out: generated, it is not in the cache yet, and no rewind puts it there.
    """
    known = generator.get_sequence(0)
    size = max(0, min(len(known), len(prompt)) - 1)
    differing = np.flatnonzero(known[:size] != prompt[:size])
    return int(differing[0]) if len(differing) else size


def new_tokens(generator: Any, prompt_tokens: int, count: int) -> list[int]:
    """The first `count` tokens after the prompt; an end token that is the last has no place yet."""
    tokens: list[int] = generator.get_sequence(0)[prompt_tokens:].tolist()
    if len(tokens) < count:
        tokens.append(int(generator.get_next_tokens()[0]))
    return tokens[:count]


def likelihoods(generator: Any, request: Request, back: Callable[[], Any]) -> tuple[float, ...]:
    """Of each continuation, by a generator that has read the prompt; `back` gives one that stands
    there again.
    """

    def rest(ids: tuple[int, ...]) -> NDArray[np.float32]:
        again = back()
        again.append_tokens(np.array(ids[:-1], np.int32))
        return np.asarray(again.get_output("logits")[0], np.float32)

    # Of a prompt all logits would be copied; these are the last token's.
    first = generator.get_logits()[0]
    return log_likelihoods(first, rest, request.continuations)
