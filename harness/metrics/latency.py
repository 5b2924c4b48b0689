"""From the timestamps of answers to times and rates."""

from collections.abc import Iterable

from harness.answer import Answer

_NS_PER_MS = 1e6


def first_token_ms(answers: Iterable[Answer]) -> list[float]:
    """TTFT of each answer in ms: from before anything is done for it to its first token."""
    return [float(it.token_ns[0] - it.started_ns) / _NS_PER_MS for it in answers]


def between_tokens_ms(answers: Iterable[Answer]) -> list[float]:
    """Mean ITL of each answer in ms, over tokens that were emitted; each needs two of them."""
    return [
        float(it.token_ns[-1] - it.token_ns[0]) / (len(it.token_ns) - 1) / _NS_PER_MS
        for it in answers
    ]


def decode_rates(answers: Iterable[Answer]) -> list[float]:
    """Tokens per second after the first one: tokens emitted, not tokens asked for."""
    return [1e3 / between for between in between_tokens_ms(answers)]
