"""The bridge between an Olive and an onnxruntime-genai that do not fit by themselves.

Olive 0.13 calls genai's builder as it was before genai 0.15, and by option names that 0.16 and
later accept and ignore; microsoft/Olive PR 2665 mends the first. Drop the bridge with the pair.
"""

from collections.abc import Mapping
from typing import Any

from harness.builders.key import installed
from harness.errors import BuildError, InfrastructureError

KNOWN_PAIRS = {("0.13.0", "0.18.0")}
_GENAI_PACKAGES = ("onnxruntime-genai", "onnxruntime-genai-cuda", "onnxruntime-genai-directml")
_NEW_NAMES = {
    "int4_accuracy_level": "accuracy_level",
    "int4_block_size": "block_size",
    "int4_is_symmetric": "is_symmetric",
    "int4_op_types_to_quantize": "op_types_to_quantize",
    "int4_nodes_to_exclude": "nodes_to_exclude",
    "int4_algo_config": "algo_config",
}
_GEMMA_3 = ("gemma3", "gemma3_text")
_SEPARATORS = {"op_types_to_quantize": "/", "nodes_to_exclude": ","}


def require_known_pair() -> None:
    """Raise BuildError where packages are missing, InfrastructureError for an unknown pair."""
    olive = installed("olive-ai")
    genai = next(filter(None, map(installed, _GENAI_PACKAGES)), None)
    missing = [name for name in ("torch", "transformers", "onnx") if installed(name) is None]
    if olive is None or genai is None or missing:
        absent = [*(["olive-ai"] if olive is None else []), *missing]
        absent += ["onnxruntime-genai"] if genai is None else []
        raise BuildError(
            "building a variant needs packages that are not installed, run "
            f"pip install -e '.[build]' or give a prebuilt folder: missing {', '.join(absent)}"
        )
    if (olive, genai) not in KNOWN_PAIRS:
        works = " or ".join(f"{old} with {new}" for old, new in sorted(KNOWN_PAIRS))
        raise InfrastructureError(
            "Olive and onnxruntime-genai must be a pair that is known to work together, install "
            f"{works}: found {olive} with {genai}"
        )


def key_value_options(options: Mapping[str, object]) -> list[str]:
    """Olive's options as genai's ``KEY=VALUE`` strings, by the names that genai reads today.

    Raises BuildError for an old name that has no new one, since genai would ignore it silently.
    """
    pairs = []
    for old, value in options.items():
        name = _NEW_NAMES.get(old, old)
        if name.startswith("int4_"):
            raise BuildError(f"an option that onnxruntime-genai would ignore must be known: {old}")
        pairs.append(f"{name}={_text(name, value)}")
    return pairs


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return _SEPARATORS[name].join(map(str, value))
    return str(value)


def install_bridge() -> None:
    """Make this process's Olive drive this process's genai; the pair was checked before."""
    from olive.passes.onnx.model_builder import ModelBuilder
    from onnxruntime_genai.models import builder

    create_model = builder.create_model

    def create(
        model_name: str,
        input_path: str,
        output_dir: str,
        precision: str,
        execution_provider: str,
        cache_dir: str,
        **options: object,
    ) -> None:
        place = (model_name, input_path, output_dir, str(precision), execution_provider, cache_dir)
        parsed = builder.parse_extra_options(*place, key_value_options(options))
        create_model(*place, **parsed)

    ModelBuilder.maybe_patch_quant = staticmethod(lambda: None)  # genai loads Olive's own format
    builder.create_model = create
    bridge_configurations(builder)


def bridge_configurations(builder: Any) -> None:
    """Make genai's builder find rotations where it looks for them, in what it reads."""
    read = builder.AutoConfig

    class Configurations:
        @staticmethod
        def from_pretrained(*arguments: Any, **options: Any) -> Any:
            config = read.from_pretrained(*arguments, **options)
            _flatten_rotations(config)
            return config

    builder.AutoConfig = Configurations


def _flatten_rotations(config: Any) -> None:
    """Gemma 3's rotations as transformers 4 had them: genai 0.18 reads `rope_theta` and
    `rope_local_base_freq`, and transformers 5 holds parameters for each kind of layer.
    """
    text = config.get_text_config()
    rotations = getattr(text, "rope_parameters", None) or {}
    if text.model_type not in _GEMMA_3 or "full_attention" not in rotations:
        return
    scaling = rotations["full_attention"].get("rope_type", "default")
    if scaling != "default":  # genai would scale the rotations of windowed layers as well
        raise BuildError(
            f"onnxruntime-genai 0.18 builds no Gemma 3 whose rotations are scaled: found {scaling}"
        )
    for each in {id(config): config, id(text): text}.values():
        each.rope_theta = rotations["full_attention"]["rope_theta"]
        each.rope_local_base_freq = rotations["sliding_attention"]["rope_theta"]
        each.rope_parameters = dict(rotations["full_attention"])
