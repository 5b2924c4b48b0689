"""The manifest as a value: its names, its settings, and that only GO makes one."""

import json
from pathlib import Path

import pytest

from harness.errors import PublishError
from harness.manifest import manifest_for
from harness.release import Identity, Precision, Provider, Role
from harness.variant import Recipe, Variant
from harness.verdict import Decision, VariantVerdict

IDENTITY = Identity("travel", 3, "contoso", "Answers travel questions.")
SEARCH = {"max_length": 512, "do_sample": False, "top_p": 0.9, "early_stopping": True, "top_k": 50}


def chatml(messages):
    turns = [f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in messages]
    return "".join(turns) + "<|im_start|>assistant\n"


def variant(provider=Provider.CPU):
    recipe = Recipe("int4", Role.CANDIDATE, Precision.INT4, provider)
    return Variant(recipe, Path("unused"), {"model.onnx": "sha256:0"}, "sha256:1")


def verdict(decision=Decision.GO, name="int4"):
    return VariantVerdict(name, Role.CANDIDATE, decision, ())


def make(identity=IDENTITY, provider=Provider.CPU, search=SEARCH):
    return manifest_for(verdict(), variant(provider), identity, chatml, search)


def test_json_has_the_fields_of_inference_model_json():
    assert make().to_json() == {
        "Name": "travel-int4-generic-cpu:3",
        "Description": "Answers travel questions.",
        "Version": 3,
        "Publisher": "contoso",
        "PromptTemplate": {
            "system": "<|im_start|>system\n{Content}<|im_end|>\n",
            "user": "<|im_start|>user\n{Content}<|im_end|>\n",
            "assistant": "<|im_start|>assistant\n{Content}<|im_end|>\n",
            "prompt": "<|im_start|>user\n{Content}<|im_end|>\n<|im_start|>assistant\n",
        },
        "ModelConfig": {"max_length": 512, "do_sample": False, "top_k": 50, "top_p": 0.9},
    }


def test_json_is_json():
    assert json.loads(json.dumps(make().to_json(), allow_nan=False)) == make().to_json()


@pytest.mark.parametrize("decision", [Decision.NO_GO, Decision.INCONCLUSIVE])
def test_a_verdict_that_is_not_go_makes_no_manifest(decision):
    with pytest.raises(ValueError, match=f"no manifest for int4: its verdict is {decision}"):
        manifest_for(verdict(decision), variant(), IDENTITY, chatml, SEARCH)


def test_the_verdict_of_another_variant_makes_no_manifest():
    with pytest.raises(ValueError, match="the verdict is int8's"):
        manifest_for(verdict(name="int8"), variant(), IDENTITY, chatml, SEARCH)


@pytest.mark.parametrize(
    ("provider", "ending"),
    [
        ("cpu", "generic-cpu"),
        ("cuda", "cuda-gpu"),
        ("dml", "generic-gpu"),
        ("webgpu", "generic-gpu"),
    ],
)
def test_the_name_ends_with_the_device(provider, ending):
    assert make(provider=Provider(provider)).name == f"travel-int4-{ending}"


def test_a_release_without_description_is_described_by_its_names():
    assert make(Identity("travel", 0)).description == "travel int4"


@pytest.mark.parametrize("search", [{}, {"max_length": 0}, {"max_length": "512"}])
def test_settings_without_a_maximum_length_are_refused(search):
    with pytest.raises(PublishError, match=r"must give search\.max_length"):
        make(search=search)
