"""The Foundry Local manifest as a value: it exists for a variant that is GO, and for no other."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import PublishError
from harness.prompt_template import PromptTemplate, Render, derive
from harness.release import Identity, Provider
from harness.variant import Variant
from harness.verdict import Decision, VariantVerdict

Setting = bool | int | float

# Foundry Local goes by a name's end: it cuts a generic one off to make the alias, and demands CUDA
# at load for cuda-gpu (microsoft/Foundry-Local, model_load_manager.cc).
_SUFFIX = {
    Provider.CPU: "generic-cpu",
    Provider.CUDA: "cuda-gpu",
    Provider.DML: "generic-gpu",
    Provider.WEBGPU: "generic-gpu",
}
_SETTINGS = (
    "max_length",
    "min_length",
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "num_beams",
    "repetition_penalty",
    "no_repeat_ngram_size",
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `inference_model.json` says; made by `manifest_for`.

    `name` has no version, `model_id` has; `model_config` are the generation settings that the
    package ships in genai_config.json (lengths in tokens).
    """

    publisher: str
    name: str
    version: int
    description: str
    prompt_template: PromptTemplate
    model_config: Mapping[str, Setting]

    @property
    def model_id(self) -> str:
        """The id that is registered in Foundry Local."""
        return f"{self.name}:{self.version}"

    def to_json(self) -> dict[str, object]:
        """The content of `inference_model.json`.

        Foundry Local itself reads ``Name`` only, its CLI ``PromptTemplate`` too.
        """
        return {
            "Name": self.model_id,
            "Description": self.description,
            "Version": self.version,
            "Publisher": self.publisher,
            "PromptTemplate": self.prompt_template.segments(),
            "ModelConfig": dict(self.model_config),
        }


def manifest_for(
    verdict: VariantVerdict,
    variant: Variant,
    identity: Identity,
    render: Render,
    generation: Mapping[str, object],
) -> Manifest:
    """The manifest of a variant that is GO.

    `render` gives the prompt of a chat by the variant's own chat template, `generation` is the
    ``search`` table of its genai_config.json. Raises ValueError for a verdict that is not GO or is
    another variant's, PublishError if the template or the settings make no manifest.
    """
    if verdict.decision is not Decision.GO:
        raise ValueError(f"no manifest for {variant.name}: its verdict is {verdict.decision}")
    if verdict.variant != variant.name:
        raise ValueError(f"no manifest for {variant.name}: the verdict is {verdict.variant}'s")
    return Manifest(
        publisher=identity.publisher,
        name=f"{identity.name}-{variant.name}-{_SUFFIX[variant.recipe.provider]}",
        version=identity.version,
        description=identity.description or f"{identity.name} {variant.name}",
        prompt_template=derive(render),
        model_config=_model_config(generation),
    )


def _model_config(generation: Mapping[str, object]) -> dict[str, Setting]:
    config = {
        key: value
        for key in _SETTINGS
        if isinstance(value := generation.get(key), bool | int | float)
    }
    if not config.get("max_length"):
        raise PublishError(
            "genai_config.json must give search.max_length, without which Foundry Local answers "
            f"nothing: found {generation.get('max_length')!r}"
        )
    return config
