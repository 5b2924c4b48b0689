"""From the timestamps of one answer to times and rates."""

import numpy as np
from numpy.typing import NDArray

_NS_PER_MS = 1e6


def first_token_ms(started_ns: int, token_ns: NDArray[np.int64]) -> float:
    """TTFT in ms: from before anything is done for the request to the first token."""
    return float(token_ns[0] - started_ns) / _NS_PER_MS


def between_tokens_ms(token_ns: NDArray[np.int64]) -> float:
    """Mean ITL of one answer in ms, over tokens that were emitted; needs two of them."""
    return float(token_ns[-1] - token_ns[0]) / (len(token_ns) - 1) / _NS_PER_MS


def decode_rate(token_ns: NDArray[np.int64]) -> float:
    """Tokens per second after the first one; tokens emitted, not tokens asked for."""
    return 1e3 / between_tokens_ms(token_ns)
