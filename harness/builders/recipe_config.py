"""Olive run configurations: what a recipe means in Olive's words. Pure; Olive is not imported."""

from pathlib import Path

from harness.errors import BuildError, ConfigError
from harness.release import Algorithm, Precision, Provider, Stage
from harness.variant import QUANTIZED, Recipe

Config = dict[str, object]

_BITS: dict[Precision | None, int] = {Precision.INT8: 8, Precision.INT4: 4}

_EXECUTION_PROVIDERS = {
    Provider.CPU: "CPUExecutionProvider",
    Provider.CUDA: "CUDAExecutionProvider",
    Provider.DML: "DmlExecutionProvider",
    Provider.WEBGPU: "WebGpuExecutionProvider",
}
# "default" is MLAS's own round-to-nearest: it came closer to fp32 than "rtn", which also cannot
# store zero points for an odd number of blocks. What gptq leaves, the output layer, is rounded so.
_ALGORITHMS = {
    Algorithm.RTN: "default",
    Algorithm.K_QUANT: "k_quant",
    Algorithm.GPTQ: "default",
}
_NOT_OFFERED = {
    Algorithm.AWQ: "Olive 0.13 quantizes with awq on CUDA alone, by a package of its own (autoawq)",
    Algorithm.HQQ: "what Olive 0.13 makes with hqq loses its output named logits",
}
CALIBRATION = "gate_calibration"
"""What our data set of conversations is called in Olive."""


def require_offered(recipe: Recipe) -> None:
    """Raise for what cannot be built.

    BuildError where Olive does not offer it here, ConfigError for a combination that nobody offers.
    """
    where = f"[variants.{recipe.name}]"
    if recipe.algorithm in _NOT_OFFERED:
        raise BuildError(
            f"{where} algorithm must be one of {', '.join(_ALGORITHMS)} "
            f"({_NOT_OFFERED[recipe.algorithm]}): found {recipe.algorithm}"
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
        "passes": passes(recipe, source),
        "evaluate_input_model": False,
        "output_dir": str(output),
        "cache_dir": str(scratch),
        "log_severity_level": 2,  # warnings
    }


def passes(recipe: Recipe, source: Path) -> Config:
    """Olive's passes for a recipe, in their order.

    ModelBuilder refuses fp16 on a CPU, so there fp32 is built and converted.
    """
    build: Config = {"type": "ModelBuilder", "precision": str(recipe.precision)}
    if recipe.precision is Precision.FP16 and recipe.provider is Provider.CPU:
        convert: Config = {"type": "OnnxFloatToFloat16", "save_as_external_data": True}
        return {"build": build | {"precision": "fp32"}, "convert": convert}
    if recipe.precision not in QUANTIZED:
        return {"build": build}
    if recipe.stage is Stage.GRAPH:
        return {"build": build | {"precision": "fp32"}, "quantize": _in_graph(recipe)}
    build |= _quantization(recipe)
    if recipe.stage is Stage.CHECKPOINT:
        return {"quantize": _in_checkpoint(recipe, source), "build": build}
    return {"build": build}


def _quantization(recipe: Recipe) -> Config:
    """Olive's names begin with int4 and hold for int8 too.

    The accuracy level goes by way of `extra_options`: Olive's own enumeration lacks 0.
    """
    options: Config = {"int4_accuracy_level": recipe.accuracy_level}
    if recipe.algorithm in (Algorithm.RTN, Algorithm.GPTQ) and not recipe.symmetric:
        # genai 0.18 ties a quantized embedding to the output layer by a name that this
        # combination does not write, and the graph does not load.
        options["shared_embeddings"] = False
    if recipe.stage is Stage.CHECKPOINT and recipe.symmetric:
        options["fuse_qkv"] = False  # genai 0.18 fails to join what has no zero points
    return {
        "int4_block_size": recipe.block_size,
        "int4_is_symmetric": recipe.symmetric,
        "int4_algo_config": _ALGORITHMS[recipe.algorithm or Algorithm.RTN],
        "extra_options": options,
    }


def _in_graph(recipe: Recipe) -> Config:
    """k_quant in the finished graph."""
    return {
        "type": "OnnxKQuantQuantization",
        "bits": _BITS[recipe.precision],
        "block_size": recipe.block_size,
        "accuracy_level": recipe.accuracy_level,
        "save_as_external_data": True,
    }


def _in_checkpoint(recipe: Recipe, source: Path) -> Config:
    """gptq in the checkpoint, on the conversations of the recipe; Olive's default asks a hub."""
    conversations = {
        "path": str(recipe.calibration),
        "checkpoint": str(source),
        "is_chat": recipe.is_chat,
    }
    return {
        "type": "Gptq",
        "bits": _BITS[recipe.precision],
        "group_size": recipe.block_size,
        "sym": recipe.symmetric,
        "data_config": {
            "name": "calibration",
            "type": "DataContainer",
            "load_dataset_config": {"type": CALIBRATION, "params": conversations},
            "pre_process_data_config": {"type": "skip_pre_process"},
            "post_process_data_config": {"type": "skip_post_process"},
            "dataloader_config": {"type": "default_dataloader", "params": {"batch_size": 1}},
        },
    }
