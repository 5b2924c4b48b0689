"""A release: what may go to devices, as a release file declares it."""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from harness.asking import Ask, Format, Normalize
from harness.errors import ConfigError

ONNXRUNTIME_GENAI = "harness.runtimes.ort_genai:OrtGenAI"
FOUNDRY_LOCAL = "harness.runtimes.foundry:FoundryLocal"
TRANSFORMERS = "harness.runtimes.transformers:Transformers"
"""Factories of the runtimes that come with the gate, as a ``[runtime]`` table names one."""

FOUNDRY_BUDGET = 2048
"""New tokens that Foundry Local reserves where the caller sets none."""

_LEAST_CONTEXT = 64  # tokens, of a model without chats: less holds no prompt and its answer

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]*")


class Precision(StrEnum):
    """The width of the weights."""

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    INT4 = "int4"


class Role(StrEnum):
    """What a variant is in a release."""

    REFERENCE = "reference"  # full precision: quality is compared with it
    CANDIDATE = "candidate"  # may be released
    BASELINE = "baseline"  # the previous release: measured like a candidate, decides nothing


class Algorithm(StrEnum):
    """How weights are quantized."""

    RTN = "rtn"
    K_QUANT = "k_quant"
    GPTQ = "gptq"
    AWQ = "awq"
    HQQ = "hqq"


class Stage(StrEnum):
    """When weights are quantized."""

    CHECKPOINT = "checkpoint"  # before the export, by what calibrates on data
    EXPORT = "export"  # while onnxruntime-genai's builder writes the graph
    GRAPH = "graph"  # afterwards, in the finished graph


class Provider(StrEnum):
    """The execution provider that a variant is built for."""

    CPU = "cpu"
    CUDA = "cuda"
    DML = "dml"
    WEBGPU = "webgpu"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the release is called in Foundry Local."""

    name: str
    version: int
    publisher: str = "custom"
    description: str = ""

    def __post_init__(self) -> None:
        for key, value in (("name", self.name), ("publisher", self.publisher)):
            if not _NAME.fullmatch(value):
                raise ConfigError(
                    f"[release] {key} must be letters, digits, '.', '_' or '-', "
                    f"beginning with a letter or digit: found {value!r}"
                )
        if self.version < 0:
            raise ConfigError(f"[release] version must not be negative: found {self.version}")


@dataclass(frozen=True, slots=True)
class VariantEntry:
    """One ``[variants.<name>]`` table as written; `harness.variant.expand` fills the rest."""

    precision: Precision | None = None
    role: Role = Role.CANDIDATE
    algorithm: Algorithm | None = None
    stage: Stage | None = None
    block_size: int | None = None
    symmetric: bool | None = None
    accuracy_level: int | None = None
    provider: Provider = Provider.CPU
    prebuilt: Path | None = None


@dataclass(frozen=True, slots=True)
class ModelSource:
    """The ``[model]`` table: the fine-tuned Hugging Face checkpoint, or a GGUF file of the model.

    With `package` the path is inside that installed Python package, which is not imported.
    `chat` is false of a base model, which is not asked in chats; None is as true.
    `context_tokens` is how long a context the packages get, of prompt and answer together, where
    that is shorter than the model's own.
    """

    path: Path
    package: str = ""
    chat: bool | None = None
    context_tokens: int | None = None

    def __post_init__(self) -> None:
        least = _LEAST_CONTEXT if self.chat is False else FOUNDRY_BUDGET
        if self.context_tokens is not None and self.context_tokens <= least:
            raise ConfigError(
                f"[model] context_tokens must be over {FOUNDRY_BUDGET:,}, which Foundry Local "
                f"reserves for an answer by default, or with chat = false over {_LEAST_CONTEXT}: "
                f"found {self.context_tokens:,}"
            )


@dataclass(frozen=True, slots=True)
class Data:
    """The ``[data]`` table: the domain items.

    `domain` is a JSONL, CSV or Parquet file, or the folder of a Hugging Face data set, of which
    `split` names the part; its rows are the gate's own or a public bank's, of the `format` that is
    stated or recognized, with the right choices in a file of `labels` where they have none.
    `schema` is a JSON Schema for every answer in JSON that has none of its own.
    `calibration` holds conversations for the algorithms that look at some: never held-out ones, or
    a variant would be judged by what it was made for.
    `edge_cases` is a pack of edge cases beside the gate's own.
    `text` is a file of plain text of the domain, over which distributions and perplexity are
    compared; where there is none, the expected answers are that text.
    `floor` is the share of right answers that must be shown; without one nothing is demanded but
    that variants do not guess.
    Choices are offered as `ask` says, and their likelihoods compared as `normalize` does, or as the
    bank's usually are. Before each item come a `system` message and `shots` examples, the first of
    `shots_from`.
    """

    domain: Path
    split: str = ""
    schema: Path | None = None
    calibration: Path | None = None
    edge_cases: Path | None = None
    text: Path | None = None
    floor: float | None = None
    format: Format | None = None
    labels: Path | None = None
    ask: Ask = Ask.LIKELIHOOD
    normalize: Normalize | None = None
    shots: int = 0
    shots_from: Path | None = None
    system: str = ""

    @property
    def as_written(self) -> "Data":
        """The same items as they stand in the file, to look for them elsewhere."""
        return replace(
            self,
            ask=Ask.LIKELIHOOD,
            normalize=None,
            shots=0,
            shots_from=None,
            system="",
        )

    def __post_init__(self) -> None:
        self._require_sound_asking()
        if self.floor is not None and not 0 < self.floor < 1:
            raise ConfigError(
                "[data] floor is the share of right answers, over 0 and under 1 (0.8 is 80 %): "
                f"found {self.floor:g}"
            )
        if self.calibration is not None and self.calibration == self.domain:
            raise ConfigError(
                "[data] calibration must be other conversations than the domain's, which are held "
                f"out: found {self.calibration.name} as both"
            )

    def _require_sound_asking(self) -> None:
        if self.shots < 0 or bool(self.shots) != (self.shots_from is not None):
            raise ConfigError(
                "[data] shots must be how many examples are taken from the file shots_from, both "
                f"or neither: found {self.shots} and {self.shots_from and self.shots_from.name}"
            )
        if self.shots_from is not None and self.shots_from == self.domain:
            raise ConfigError(
                "[data] shots_from must be other questions than the domain's, which are held out: "
                f"found {self.shots_from.name} as both"
            )
        if self.ask is Ask.TEXT and self.normalize is not None:
            raise ConfigError(
                f"[data] normalize is for likelihoods, and ask = '{Ask.TEXT}' has none: leave one "
                f"of them out, found normalize = '{self.normalize}'"
            )


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """The ``[runtime]`` table: who answers, as ``package.module:factory``."""

    factory: str = ONNXRUNTIME_GENAI

    def __post_init__(self) -> None:
        module, colon, name = self.factory.partition(":")
        if not (module and colon and name):
            raise ConfigError(
                f"[runtime] factory must be 'package.module:factory': found {self.factory!r}"
            )


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """The ``[policy]`` table: by which policy the release is judged."""

    path: Path


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """The ``[device]`` table: a profile by its name, or by the path of an own file (``x.toml``)."""

    profile: str


@dataclass(frozen=True, slots=True)
class Release:
    """A whole release file; every path in it is absolute."""

    identity: Identity
    variants: dict[str, VariantEntry]
    data: Data
    policy: PolicyChoice
    model: ModelSource | None = None
    runtime: RuntimeChoice = field(default_factory=RuntimeChoice)
    device: DeviceChoice | None = None

    def __post_init__(self) -> None:
        for name in self.variants:
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"[variants] a name must be letters, digits, '.', '_' or '-': found {name!r}"
                )
        self._require_one_reference()
        if not self.candidates:
            raise ConfigError(
                "[variants] no candidate, so there is nothing to decide: "
                "add a variant whose role is 'candidate' (the default)"
            )

    def _require_one_reference(self) -> None:
        references = self.with_role(Role.REFERENCE)
        if len(references) != 1:
            found = ", ".join(references) or "none"
            raise ConfigError(f"[variants] exactly one must have role = 'reference': found {found}")
        if len(self.with_role(Role.BASELINE)) > 1:
            raise ConfigError(
                "[variants] at most one may have role = 'baseline': "
                f"found {', '.join(self.with_role(Role.BASELINE))}"
            )

    def with_role(self, role: Role) -> tuple[str, ...]:
        """Names of the variants with this role, in the file's order."""
        return tuple(name for name, entry in self.variants.items() if entry.role is role)

    @property
    def reference(self) -> str:
        """The name of the reference."""
        return self.with_role(Role.REFERENCE)[0]

    @property
    def candidates(self) -> tuple[str, ...]:
        """Names of what may be released."""
        return self.with_role(Role.CANDIDATE)
