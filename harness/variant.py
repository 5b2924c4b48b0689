"""Recipes and variants: how a model is quantized, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import ConfigError
from harness.release import (
    Algorithm,
    Precision,
    Provider,
    Release,
    Role,
    Stage,
    VariantEntry,
)

DEFAULT_BLOCK_SIZE = 32
DEFAULT_ACCURACY_LEVEL = 4  # int8 compute on CPU: 0 leaves MatMulNBits in fp32, twice as slow
BLOCK_SIZES = (16, 32, 64, 128, 256)
QUANTIZED = (Precision.INT8, Precision.INT4)
CALIBRATED = (Algorithm.GPTQ, Algorithm.AWQ)
_STAGES = {
    Algorithm.RTN: (Stage.EXPORT,),
    Algorithm.K_QUANT: (Stage.EXPORT, Stage.GRAPH),
    Algorithm.GPTQ: (Stage.CHECKPOINT,),
    Algorithm.AWQ: (Stage.CHECKPOINT,),
    Algorithm.HQQ: (Stage.GRAPH,),
}
"""When an algorithm can be applied, the first being the default."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what a variant's files will be, with no default left open.

    `calibration` holds the conversations that the algorithm looks at, where it looks at any;
    without `is_chat` it looks at them as plain text, whatever template there is.
    `context_tokens` is the context that is built, None where it is the source's or prebuilt.

    A prebuilt variant has a directory instead; its settings are what the release file states of it,
    and None where it states nothing; its precision is then what the graph says.
    """

    name: str
    role: Role
    precision: Precision | None
    provider: Provider = Provider.CPU
    algorithm: Algorithm | None = None
    block_size: int | None = None
    symmetric: bool | None = None
    accuracy_level: int | None = None
    prebuilt: Path | None = None
    stage: Stage | None = None
    calibration: Path | None = None
    is_chat: bool = True
    context_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Quantization:
    """What the graph itself says of one group of equal nodes.

    `nodes` counts them; `symmetric` is False where zero points are stored; `accuracy_level` is 0
    where none is set. A MatMul left in floating point has its width as `bits` and block size 0.
    """

    bits: int
    block_size: int
    accuracy_level: int
    symmetric: bool
    nodes: int
    operator: str = "MatMulNBits"  # or GatherBlockQuantized, MatMul


@dataclass(frozen=True, slots=True)
class Variant:
    """A finished onnxruntime-genai folder with the digest of every file in it."""

    recipe: Recipe
    directory: Path
    files: Mapping[str, str]  # relative posix path -> "sha256:..."
    digest: str  # over `files`
    quantization: tuple[Quantization, ...] = ()
    build_seconds: float = 0.0  # 0 for a cache hit and for prebuilt

    @property
    def name(self) -> str:
        """The variant's name in the release file."""
        return self.recipe.name


def expand(release: Release) -> tuple[Recipe, ...]:
    """The recipes of a release, in its order, every default filled in.

    Raises ConfigError for settings that contradict each other.
    """
    return tuple(_recipe(name, entry, release) for name, entry in release.variants.items())


def _recipe(name: str, entry: VariantEntry, release: Release) -> Recipe:
    if entry.role is Role.REFERENCE and entry.precision in QUANTIZED:
        raise ConfigError(
            f"[variants.{name}] the reference is what quantization is compared with, so it must be "
            f"fp32 or fp16: found {entry.precision}"
        )
    if entry.prebuilt is not None:
        return _as_stated(name, entry)
    if entry.precision is None:
        raise ConfigError(
            f"[variants.{name}] needs a precision ({', '.join(Precision)}) or a prebuilt folder"
        )
    if release.model is None:
        raise ConfigError(f"[variants.{name}] must be built, but the release has no [model] path")
    if entry.precision not in QUANTIZED:
        _refuse_settings(name, entry, f"is {entry.precision}, which is not quantized")
        recipe = Recipe(name, entry.role, entry.precision, entry.provider)
    else:
        recipe = _quantized(name, entry, release.data.calibration)
    is_chat = recipe.calibration is None or release.model.chat is not False
    return replace(recipe, is_chat=is_chat, context_tokens=release.model.context_tokens)


def _as_stated(name: str, entry: VariantEntry) -> Recipe:
    """A prebuilt variant's recipe: what the file states is expected of the graph, no default is."""
    return Recipe(
        name,
        entry.role,
        entry.precision,
        entry.provider,
        algorithm=entry.algorithm,
        block_size=entry.block_size,
        symmetric=entry.symmetric,
        accuracy_level=entry.accuracy_level,
        prebuilt=entry.prebuilt,
        stage=entry.stage,
    )


def _quantized(name: str, entry: VariantEntry, calibration: Path | None) -> Recipe:
    block_size = DEFAULT_BLOCK_SIZE if entry.block_size is None else entry.block_size
    if block_size not in BLOCK_SIZES:
        raise ConfigError(
            f"[variants.{name}] block_size must be one of {', '.join(map(str, BLOCK_SIZES))}: "
            f"found {block_size}"
        )
    level = DEFAULT_ACCURACY_LEVEL if entry.accuracy_level is None else entry.accuracy_level
    if level not in range(5):
        raise ConfigError(f"[variants.{name}] accuracy_level must be 0 to 4: found {level}")
    algorithm = entry.algorithm or Algorithm.RTN
    if algorithm in CALIBRATED and calibration is None:
        raise ConfigError(
            f"[variants.{name}] {algorithm} calibrates on conversations, name a file of them as "
            "[data] calibration, held-out items not among them: found none"
        )
    can_be_symmetric = algorithm is not Algorithm.K_QUANT  # which always stores zero points
    return Recipe(
        name,
        entry.role,
        entry.precision,
        entry.provider,
        algorithm=algorithm,
        block_size=block_size,
        symmetric=can_be_symmetric if entry.symmetric is None else entry.symmetric,
        accuracy_level=level,
        stage=_stage(name, algorithm, entry.stage),
        calibration=calibration if algorithm in CALIBRATED else None,
    )


def _stage(name: str, algorithm: Algorithm, wanted: Stage | None) -> Stage:
    possible = _STAGES[algorithm]
    if wanted is not None and wanted not in possible:
        raise ConfigError(
            f"[variants.{name}] stage of {algorithm} must be {' or '.join(possible)}: "
            f"found {wanted}"
        )
    return wanted or possible[0]


def _refuse_settings(name: str, entry: VariantEntry, why: str) -> None:
    for key in ("algorithm", "stage", "block_size", "symmetric", "accuracy_level"):
        if getattr(entry, key) is not None:
            raise ConfigError(f"[variants.{name}] {why}: {key} does not apply, remove it")
