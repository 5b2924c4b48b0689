"""What a package's genai_config.json says of how onnxruntime-genai reads and what it holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.metrics.sliding_window import window_tokens
from harness.runtimes.generator_memory import GeneratorMemory, generator_memory

_FOUNDRY_CHUNK = 2048
_CHUNKED = frozenset({"cpu", "cuda", "nvtensorrtrtx", "webgpu"})
"""Foundry Local has prompts read in parts of so many tokens, for these providers and where a
package states none itself (its sdk_v2 sets ``chunk_size`` of every request since August 2026).
"""


@dataclass(frozen=True, slots=True)
class GenaiLimits:
    """The context is of prompt and answer together. With less room than a sliding window's the
    engine dies. `usual` are the search options of every generator, `part_tokens` how much of a
    prompt is read at once, 0 where all of it is.
    """

    context_tokens: int = 0
    window_tokens: int = 0
    vocabulary: int = 0
    kind: str = ""
    part_tokens: int = 0
    usual: Mapping[str, int] = field(default_factory=dict)
    memory: GeneratorMemory = field(default_factory=GeneratorMemory)

    def has_let_go(self, tokens: int) -> bool:
        """Whether the cache of a sliding window holds no more all of so many tokens: the engine
        refuses to rewind it then, however little. It holds the window and what is read at once
        (Gemma 3: 2,559 tokens of a window of 512 and parts of 2,048, measured with 0.18).
        """
        held = self.window_tokens + max(1, self.part_tokens) - 1
        return bool(self.window_tokens) and tokens > held


def read_limits(directory: Path) -> GenaiLimits:
    """By the file that the engine has read already; KeyError, TypeError or ValueError without."""
    config = json.loads((directory / "genai_config.json").read_text(encoding="utf-8"))
    model = config["model"]
    decoder, provider = model.get("decoder", {}), _provider(model.get("decoder", {}))
    stated = max(0, int(config.get("search", {}).get("chunk_size") or 0))
    is_parted = not stated and provider in _CHUNKED
    part_tokens = _FOUNDRY_CHUNK if is_parted else stated
    return GenaiLimits(
        context_tokens=int(model["context_length"]),
        window_tokens=window_tokens(decoder),
        vocabulary=int(model.get("vocab_size") or 0),
        kind=str(model.get("type")),
        part_tokens=part_tokens,
        usual={"chunk_size": _FOUNDRY_CHUNK} if is_parted else {},
        memory=generator_memory(config, part_tokens, provider == "cpu"),
    )


def _provider(decoder: Mapping[str, Any]) -> str:
    """The execution provider that a package states first; the engine takes the CPU for none."""
    options = decoder.get("session_options", {}).get("provider_options") or [{}]
    return next(iter(options[0]), "cpu").lower()
