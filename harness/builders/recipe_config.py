"""Olive run configurations: what a recipe means in Olive's words. Pure; Olive is not imported."""

from pathlib import Path

from harness.errors import ConfigError
from harness.release import Algorithm, Precision, Provider
from harness.variant import QUANTIZED, Recipe

Config = dict[str, object]

_EXECUTION_PROVIDERS = {
    Provider.CPU: "CPUExecutionProvider",
    Provider.CUDA: "CUDAExecutionProvider",
    Provider.DML: "DmlExecutionProvider",
    Provider.WEBGPU: "WebGpuExecutionProvider",
}
# "default" is MLAS's own round-to-nearest: it came closer to fp32 than "rtn", which also cannot
# store zero points for an odd number of blocks.
_ALGORITHMS = {Algorithm.RTN: "default", Algorithm.K_QUANT: "k_quant"}
_NEEDS_DATA = (Algorithm.GPTQ, Algorithm.AWQ)


def require_offered(recipe: Recipe) -> None:
    """Raise ConfigError for an algorithm, or a combination with it, that cannot be built."""
    offered = ", ".join(_ALGORITHMS)
    where = f"[variants.{recipe.name}]"
    if recipe.algorithm in _NEEDS_DATA:
        raise ConfigError(
            f"{where} algorithm must be one of {offered} (calibration data is not supported yet): "
            f"found {recipe.algorithm}"
        )
    if recipe.algorithm is not None and recipe.algorithm not in _ALGORITHMS:
        raise ConfigError(
            f"{where} algorithm must be one of {offered} (what Olive 0.13 makes with another loses "
            f"its output named logits): found {recipe.algorithm}"
        )
    if recipe.algorithm is Algorithm.K_QUANT and recipe.symmetric:
        raise ConfigError(
            f"{where} algorithm k_quant stores zero points, set symmetric = false: found true"
        )


def execution_provider(provider: Provider) -> str:
    """What onnxruntime calls a provider."""
    return _EXECUTION_PROVIDERS[provider]


def run_config(recipe: Recipe, source: Path, output: Path, scratch: Path) -> Config:
    """The whole configuration for ``olive.run``."""
    device = "cpu" if recipe.provider is Provider.CPU else "gpu"
    accelerator = {
        "device": device,
        "execution_providers": [execution_provider(recipe.provider)],
    }
    return {
        "input_model": {"type": "HfModel", "model_path": str(source)},
        "systems": {"here": {"type": "LocalSystem", "accelerators": [accelerator]}},
        "host": "here",
        "target": "here",
        "passes": passes(recipe),
        "evaluate_input_model": False,
        "output_dir": str(output),
        "cache_dir": str(scratch),
        "log_severity_level": 2,  # warnings
    }


def passes(recipe: Recipe) -> Config:
    """Olive's passes for a recipe.

    ModelBuilder refuses fp16 on a CPU, so there fp32 is built and converted.
    """
    if recipe.precision is Precision.FP16 and recipe.provider is Provider.CPU:
        return {
            "build": {"type": "ModelBuilder", "precision": "fp32"},
            "convert": {"type": "OnnxFloatToFloat16", "save_as_external_data": True},
        }
    build: Config = {"type": "ModelBuilder", "precision": str(recipe.precision)}
    if recipe.precision in QUANTIZED:
        build |= _quantization(recipe)
    return {"build": build}


def _quantization(recipe: Recipe) -> Config:
    """Olive's names begin with int4 and hold for int8 too.

    The accuracy level goes by way of `extra_options`: Olive's own enumeration lacks 0.
    """
    options: Config = {"int4_accuracy_level": recipe.accuracy_level}
    if recipe.algorithm is Algorithm.RTN and not recipe.symmetric:
        # genai 0.18 ties a quantized embedding to the output layer by a name that this
        # combination does not write, and the graph does not load.
        options["shared_embeddings"] = False
    return {
        "int4_block_size": recipe.block_size,
        "int4_is_symmetric": recipe.symmetric,
        "int4_algo_config": _ALGORITHMS[recipe.algorithm or Algorithm.RTN],
        "extra_options": options,
    }
