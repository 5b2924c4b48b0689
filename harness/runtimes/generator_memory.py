"""How much memory a generator of onnxruntime-genai needs before it reads anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import InfrastructureError
from harness.metrics.sliding_window import window_tokens
from harness.probes.memory import available_bytes
from harness.runtimes.caps import is_over_cap

_VALUE_BYTES = 4  # float32, which packages for processors compute in
_LARGE_BYTES = 2**28  # less is asked for without looking whether it is there


@dataclass(frozen=True, slots=True)
class GeneratorMemory:
    """Bytes of keys and values for each token of room, and of logits for each of the `part_tokens`
    that are read at once, all of them where that is 0. Both are 0 where nothing is reserved.
    """

    cache_bytes: int = 0
    logit_bytes: int = 0
    part_tokens: int = 0

    def needed_bytes(self, room_tokens: int) -> int:
        """What a generator with so much room takes, and what it reads at once."""
        part = min(self.part_tokens or room_tokens, room_tokens)
        return self.cache_bytes * room_tokens + self.logit_bytes * part

    def require(self, room_tokens: int, let_go: Callable[[], None]) -> None:
        """Have another generator let go where memory for a new one is short.

        Raises InfrastructureError where it still is: that an engine is refused memory, or killed
        for taking it, would be the variant's fault. What a device's cap refuses is.
        """
        needed = self.needed_bytes(room_tokens)
        if needed < _LARGE_BYTES or needed <= available_bytes() or is_over_cap(needed):
            return
        let_go()
        available = available_bytes()
        if needed > available:
            raise InfrastructureError(
                f"a context of {room_tokens:,} tokens needs {needed / 2**30:.1f} GiB of memory, "
                f"this machine has {available / 2**30:.1f} GiB free: measure on a larger one, or "
                "state fewer context_tokens in the release's [model]"
            )


def generator_memory(
    config: Mapping[str, Any], part_tokens: int, is_on_processor: bool
) -> GeneratorMemory:
    """By a genai_config.json: 2 for keys and values, times layers, heads and their size, in bytes.

    Nothing is known of a cache that grows with the prompt, of one that a sliding window keeps
    small, and of one in an accelerator's own memory.
    """
    model = config["model"]
    decoder = model.get("decoder", {})
    is_reserved = bool(config.get("search", {}).get("past_present_share_buffer"))
    if not is_reserved or not is_on_processor or window_tokens(decoder):
        return GeneratorMemory()
    logits = int(model.get("vocab_size") or 0)
    return GeneratorMemory(cache_bytes(decoder), logits * _VALUE_BYTES, part_tokens)


def cache_bytes(decoder: Mapping[str, Any]) -> int:
    """Of keys and values for one token, by a decoder of a genai_config.json; 0 where it slides."""
    names = ("num_hidden_layers", "num_key_value_heads", "head_size")
    layers, heads, size = (int(decoder.get(name) or 0) for name in names)
    return 0 if window_tokens(decoder) else 2 * layers * heads * size * _VALUE_BYTES
