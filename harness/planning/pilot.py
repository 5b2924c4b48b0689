"""A short pilot: what loading, reading and writing take of each variant, here and now."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from harness.answer import Request
from harness.exam import require_answers
from harness.metrics.latency import gaps_ms
from harness.metrics.scaling import deviation
from harness.planning.work import Rates
from harness.runtimes.isolated import Isolated

ROOM_TOKENS = 8
"""That are generated after each prompt."""

_SHORT_TOKENS = 32
_LONGER = 4  # times as long is the next prompt
_LONG_SECONDS = 3.0  # that the longest prompt may take, as far as the one before it tells
_SCORED = 32
_TURNS = 2  # of each length; the least counts, for the first one also pays for its memory


@dataclass(frozen=True, slots=True)
class Pilot:
    """The rates of one variant, and its memory in bytes: `base` when it has loaded, and `token` for
    each token of the longest prompt that was read.
    """

    rates: Rates
    base: float
    token: float

    def peak_bytes(self, tokens: int) -> float:
        """Memory of a process that has read a prompt of so many tokens."""
        return self.base + self.token * tokens


def pilot(runtime: Isolated, tokens: Sequence[int], most: int, attention: float) -> Pilot:
    """Measure a variant in a process of its own; `tokens` are text, `most` is the longest prompt
    that is asked of it, which is read where that takes some seconds alone. Where even a quarter of
    it takes longer, `attention` says what a square of tokens takes, in parts of what one takes.

    Raises what the variant's own process raises.
    """
    began = time.monotonic()
    runtime.ready()
    starts = time.monotonic() - began
    length = min(_SHORT_TOKENS, most)
    _ask(runtime, tokens, length)  # what is touched first costs most
    base = runtime.memory().peak_bytes or 0
    taken: dict[int, _Timed] = {}
    while True:
        turns = [_ask(runtime, tokens, length) for _ in range(_TURNS)]
        taken[length] = min(turns, key=lambda it: it.reading)
        if length == most or taken[length].reading * _LONGER > _LONG_SECONDS:
            break
        length = min(_LONGER * length, most)
    peak = runtime.memory().peak_bytes or base
    lengths = list(taken)
    is_long = lengths[-1] * _LONGER >= most
    seconds = [it.reading for it in taken.values()]
    reading = _reading(lengths, seconds, None if is_long else attention)
    writing = _writing(lengths, [it.between for it in taken.values()])
    rates = Rates(starts, runtime.load_seconds, *reading, *writing, 0.0)
    scored = _scored_seconds(runtime, tokens, min(2 * _SCORED, most), rates)
    return Pilot(replace(rates, scored=scored), base, max(0.0, (peak - base) / lengths[-1]))


@dataclass(frozen=True, slots=True)
class _Timed:
    """Seconds of one request until its first token, the gate's own included, and between tokens."""

    reading: float
    between: float


def _ask(runtime: Isolated, tokens: Sequence[int], length: int) -> _Timed:
    request = Request(
        token_ids=tuple(tokens[:length]), max_new_tokens=ROOM_TOKENS, stop_at_end=False
    )
    began = time.monotonic()
    answers = require_answers("", runtime.run([request]))
    seconds = time.monotonic() - began
    gaps = np.concatenate(gaps_ms(answers)) / 1e3
    between = float(np.median(gaps)) if gaps.size else 0.0
    return _Timed(max(seconds - float(gaps.sum()), 1e-6), between)


def _reading(
    lengths: Sequence[int], seconds: Sequence[float], attention: float | None
) -> tuple[float, float, float]:
    """Seconds of a request, of each token of its prompt and of each square: none is negative.

    With `attention` a square takes so much of what a token does: short prompts do not tell.
    """
    at = np.array(lengths, float)
    if attention is None:
        columns = np.stack([np.ones(at.size), at, at**2], axis=1)
    else:
        columns = np.stack([np.ones(at.size), at + attention * at**2], axis=1)
    scale, taken = columns.max(axis=0), np.array(seconds)
    found, _ = scipy.optimize.nnls(columns / scale / taken[:, None], np.ones(at.size))
    request, token, *square = (found / scale).tolist()
    return request, token, square[0] if attention is None else attention * token


def _writing(lengths: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """Seconds of a new token, and for each token that it looks back on."""
    if len(lengths) < 2:
        return seconds[0], 0.0
    slope = max(0.0, (seconds[-1] - seconds[0]) / (lengths[-1] - lengths[0]))
    return max(0.0, seconds[0] - slope * lengths[0]), slope


def _scored_seconds(runtime: Isolated, tokens: Sequence[int], length: int, rates: Rates) -> float:
    """Of each position whose logits are handed over and compared."""
    count = min(_SCORED, length - 1)
    if count < 1:
        return 0.0
    request = Request(token_ids=tuple(tokens[:length]), score_from=length - count, fresh=False)
    began = time.monotonic()
    [answer] = require_answers("", runtime.run([request]))
    if answer.logits is not None and len(answer.logits):
        deviation(answer.logits, answer.logits)
    seconds = time.monotonic() - began
    read = rates.requests + rates.prompt_tokens * length + rates.squares * length**2
    return max(0.0, (seconds - read) / count)
