"""What a checkpoint's config.json says of attention, norms and rotations.

Both dialects of transformers are read: version 4 states `rope_theta` and `rope_scaling` beside the
other fields, version 5 has them in `rope_parameters`, by kind of layer where there are several.
What a field means differs from family to family, and only those listed here are known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.metrics.rotary import Rotation

Config = Mapping[str, Any]

FULL, SLIDING = "full_attention", "sliding_attention"
FAMILIES = (
    "gemma",
    "gemma2",
    "gemma3_text",
    "granite",
    "llama",
    "mistral",
    "olmo2",
    "phi3",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "smollm3",
)
"""Values of `model_type` whose attention is known here."""

_BASES = {"gemma3_text": 1e6, "smollm3": 2e6}  # where a configuration states none
_HEAD_DIMENSIONS = {"gemma": 256, "gemma2": 256, "gemma3_text": 256, "qwen3": 128, "qwen3_moe": 128}
_LOCAL_BASE = 1e4  # of Gemma 3's sliding layers
_EVERY_LAYER_SLIDES = ("mistral", "phi3")
_BY_DEPTH = ("qwen2", "qwen2_moe", "qwen3", "qwen3_moe")  # layers from max_window_layers on


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's attention: how many tokens it looks back at, 0 for all, and its rotation.

    `rotation` is None where queries and keys are not turned.
    """

    window: int
    rotation: Rotation | None


@dataclass(frozen=True, slots=True)
class Computation:
    """What a checkpoint computes; None for what its configuration does not say.

    In a family that is not known here (`is_known`) the values are what most families would mean:
    a graph that has them is right, one that has others may be. `scale` is what scores are
    multiplied with, caps are 0 where there are none.
    """

    family: str
    is_known: bool
    layers: tuple[Layer, ...]
    heads: int | None
    kv_heads: int | None
    scale: float | None
    softcap: float
    final_softcap: float
    epsilon: float | None
    head_dimensions: int | None


def computation(config: Config) -> Computation:
    """What a config.json says, of the text model where it describes others too."""
    text = config.get("text_config")
    config = {**config, **text} if isinstance(text, Mapping) else config
    family = str(config.get("model_type", ""))
    heads, kv_heads = _number(config, "num_attention_heads"), _number(config, "num_key_value_heads")
    size = _head_dimensions(config, family)
    return Computation(
        family=family,
        is_known=family in FAMILIES,
        layers=_layers(config, family, size),
        heads=heads,
        kv_heads=heads if kv_heads is None and family in ("llama", "phi3") else kv_heads,
        scale=_scale(config, family, size),
        softcap=_cap(config, "attn_logit_softcapping"),
        final_softcap=_cap(config, "final_logit_softcapping"),
        epsilon=_positive(config, "rms_norm_eps"),
        head_dimensions=size,
    )


def _number(config: Config, key: str) -> int | None:
    value = config.get(key)
    return value if isinstance(value, int) and value > 0 else None


def _positive(config: Config, key: str) -> float | None:
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if value > 0 else None


def _cap(config: Config, key: str) -> float:
    return _positive(config, key) or 0.0


def _head_dimensions(config: Config, family: str) -> int | None:
    stated = _number(config, "head_dim") or _HEAD_DIMENSIONS.get(family)
    hidden, heads = _number(config, "hidden_size"), _number(config, "num_attention_heads")
    return stated or (hidden // heads if hidden and heads else None)


def _scale(config: Config, family: str, size: int | None) -> float | None:
    if family == "granite":
        return _positive(config, "attention_multiplier")
    width = _positive(config, "query_pre_attn_scalar") or (float(size) if size else None)
    return None if width is None else width**-0.5


def _layers(config: Config, family: str, size: int | None) -> tuple[Layer, ...]:
    window = _number(config, "sliding_window") or 0
    turned = config.get("no_rope_layers") if family == "smollm3" else None  # 0 says: not turned
    layers = []
    for index, kind in enumerate(_kinds(config, family)):
        is_turned = not isinstance(turned, list) or index >= len(turned) or bool(turned[index])
        rotation = _rotation(config, family, kind, size) if is_turned and size else None
        layers.append(Layer(window if kind == SLIDING else 0, rotation))
    return tuple(layers)


def _kinds(config: Config, family: str) -> list[str]:
    """What each layer attends to, stated or as the family derives it."""
    count, stated = _number(config, "num_hidden_layers") or 0, config.get("layer_types")
    if isinstance(stated, list) and len(stated) >= count:
        return [str(kind) for kind in stated[:count]]
    return [SLIDING if _slides(config, family, index) else FULL for index in range(count)]


def _slides(config: Config, family: str, index: int) -> bool:
    if family in _EVERY_LAYER_SLIDES:
        return True  # with the window that it states, if it does
    if family in _BY_DEPTH:
        first = config.get("max_window_layers")
        return bool(config.get("use_sliding_window")) and index >= (first or 0)
    if family == "gemma2":
        return index % 2 == 0
    if family == "gemma3_text":
        return bool((index + 1) % (_number(config, "sliding_window_pattern") or 6))
    return False


def _rotation(config: Config, family: str, kind: str, size: int | None) -> Rotation:
    stated = _rope(config, family, kind)
    share = _positive(stated, "partial_rotary_factor") or _positive(config, "partial_rotary_factor")
    context = _number(config, "max_position_embeddings") or 0
    original = _number(stated, "original_max_position_embeddings")
    original = original or _number(config, "original_max_position_embeddings") or context
    named = str(stated.get("rope_type") or stated.get("type") or "default")
    named = {"su": "longrope", "mrope": "default"}.get(named, named)
    base = _positive(stated, "rope_theta") or _BASES.get(family, 1e4)
    dimensions = int((size or 0) * (share or 1.0))
    return Rotation(base, dimensions, context, named, original, stated)


def _rope(config: Config, family: str, kind: str) -> Config:
    """The fields about one kind of layer's rotation, in one table."""
    nested = config.get("rope_parameters")
    if isinstance(nested, Mapping):
        inner = nested.get(kind)
        return inner if isinstance(inner, Mapping) else nested
    if family == "gemma3_text" and kind == SLIDING:
        return {"rope_theta": _positive(config, "rope_local_base_freq") or _LOCAL_BASE}
    scaling = config.get("rope_scaling")
    scaling = scaling if isinstance(scaling, Mapping) else {}
    return {"rope_theta": config.get("rope_theta"), **scaling}
