"""The Hugging Face checkpoint that is to be built, looked at before anything is started."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.errors import ConfigError, InfrastructureError
from harness.release import Precision
from harness.store import read_json
from harness.variant import Recipe

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
_BYTES_IN_SOURCE = {"float32": 4, "float64": 8}
# On the high side: the embedding of a quantized variant stays in full precision.
_BYTES_BUILT = {
    Precision.FP32: 4.0,
    Precision.FP16: 2.0,
    Precision.INT8: 2.5,
    Precision.INT4: 2.0,
}
_SCRATCH_BYTES = 8  # per parameter: Olive keeps an fp32 model in its own cache, then copies it
_SMALL_FILES_BYTES = 50_000_000


def require_checkpoint(source: Path | None) -> Path:
    """The checkpoint's directory; raises ConfigError where it cannot be a checkpoint."""
    if source is None:
        raise ConfigError("[model] path is missing, and a variant must be built: add it")
    require_config(source)
    weights = _weights(source)
    if not weights:
        raise ConfigError(
            f"[model] path must hold weights ({' or '.join(_WEIGHTS)}): found none in {source}"
        )
    _require_shards(source)
    if not any((source / name).is_file() for name in _TOKENIZERS):
        raise ConfigError(
            f"[model] path must hold a tokenizer ({', '.join(_TOKENIZERS)}): found none in {source}"
        )
    return source


def require_space(recipes: Sequence[Recipe], source: Path, cache: Path) -> None:
    """Raise InfrastructureError where the cache's disk is too full for these builds."""
    needed = estimated_bytes(recipes, source)
    existing = next(path for path in (cache, *cache.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise InfrastructureError(
            f"building needs about {_megabytes(needed)} on the disk of {cache}, free some or "
            f"choose another: found {_megabytes(free)}"
        )


def estimated_bytes(recipes: Sequence[Recipe], source: Path) -> int:
    """How many bytes the builds of these recipes may take, scratch included."""
    config = read_json(source / "config.json")
    width = _BYTES_IN_SOURCE.get(str(config.get("dtype", config.get("torch_dtype"))), 2)
    parameters = sum(path.stat().st_size for path in _weights(source)) / width
    built = sum(_BYTES_BUILT[recipe.precision] for recipe in recipes if recipe.precision)
    return int(parameters * (built + _SCRATCH_BYTES)) + _SMALL_FILES_BYTES


def _weights(source: Path) -> list[Path]:
    return [path for pattern in _WEIGHTS for path in source.glob(pattern)]


def require_config(source: Path) -> None:
    """Raise ConfigError where a directory is none of a checkpoint, whose config.json says what
    variants are compared with.
    """
    if not source.is_dir():
        raise ConfigError(
            "[model] path must be the directory of a Hugging Face checkpoint, or a GGUF file: "
            f"found no directory {source}"
        )
    path = source / "config.json"
    if not path.is_file():
        raise ConfigError(f"[model] path must hold a config.json: found none in {source}")
    try:
        read_json(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"[model] config.json must be a JSON object ({error}): {path}") from error


def _require_shards(source: Path) -> None:
    """Of the format that is read; an index of another one may stand there without its files."""
    has_safetensors = any(source.glob("*.safetensors"))
    pattern = "*.safetensors.index.json" if has_safetensors else "*.bin.index.json"
    for index in source.glob(pattern):
        try:
            shards = set(read_json(index)["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ConfigError(
                f"[model] an index of weights must hold a weight_map: {index}"
            ) from error
        missing = sorted(name for name in shards if not (source / name).is_file())
        if missing:
            raise ConfigError(
                f"[model] every file that {index.name} names must be there: "
                f"missing {', '.join(missing)}"
            )


def _megabytes(number: int) -> str:
    return f"{number / 1e6:,.0f} MB"
