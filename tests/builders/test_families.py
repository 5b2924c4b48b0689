"""What onnxruntime-genai's builder makes of families of models, beside their configurations."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.probes import package
from harness.probes.package import Beside
from tests import damage

AS_THEIR_SOURCE = ("llama", "qwen2", "qwen3", "gemma2", "gemma3", "granite", "phi3", "phi4")


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    if any(find_spec(name) is None for name in ("torch", "transformers")):
        pytest.skip("needs the [build] extra")
    folder = tmp_path_factory.mktemp("families")
    script = Path(__file__).parent / "tiny_families.py"
    subprocess.run([sys.executable, script, folder], check=True, capture_output=True)
    return folder


def compared(families, name):
    return package.graph_parts(families / name / "built", Beside(families / name / "source"))


@pytest.mark.parametrize("name", AS_THEIR_SOURCE)
def test_a_graph_of_the_builder_is_what_its_source_says(families, name):
    for found in compared(families, name):
        assert (found.differences, found.doubts, found.unknown) == ((), (), ())
        assert found.looked_at


def test_a_window_that_the_builder_leaves_out_is_named(families):
    """Its builder takes layer_types alone, which a Mistral's configuration has not."""
    attributes, rotations = compared(families, "mistral")
    [found] = attributes.differences
    assert found.startswith("attention window all tokens in /model/layers.0/attn")
    assert found.endswith("and 1 more, 512 by the source's config.json")
    assert rotations.differences == ()


@pytest.mark.parametrize(
    ("name", "edit", "sentence"),
    [
        ("llama", {"rope_parameters": {"factor": 7.9}}, "cos_cache is off in"),
        ("llama", {"rope_parameters": {"rope_theta": 5.01e5}}, "cos_cache is off in"),
        ("qwen2", {"rope_parameters": {"factor": 8.0}}, "cos_cache is off in 4,096"),
        ("phi3", {"rope_parameters": {"long_factor": [1.1] * 8}}, "cos_cache_large is off in"),
        ("phi4", {"rope_parameters": {"partial_rotary_factor": 0.5}}, "turns 12 dimensions"),
        ("gemma2", {"sliding_window": 256}, "attention window 512 in /model/layers.0"),
        ("gemma2", {"final_logit_softcapping": 20.0}, "cap of logits 30 in the output, 20 by"),
        ("gemma2", {"attn_logit_softcapping": None}, "cap of attention scores 50 in"),
        ("gemma2", {"query_pre_attn_scalar": 32}, "attention scale 0.2041 in"),
        ("granite", {"attention_multiplier": 0.25}, "attention scale 0.3 in"),
        ("qwen3", {"rms_norm_eps": 1e-5}, "epsilon of norms 1e-06 in"),
        ("qwen3", {"num_key_value_heads": 4}, "key and value heads 2 in"),
    ],
)
def test_another_configuration_is_told_from_the_graph(families, tmp_path, name, edit, sentence):
    config = json.loads((families / name / "source" / "config.json").read_text())
    for key, value in edit.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = package.graph_parts(families / name / "built", Beside(tmp_path))
    assert sentence in " ".join(text for it in found for text in it.differences)


def test_a_family_that_is_not_known_is_never_refused(families, tmp_path):
    """What most families mean is a match all the same; what differs is undecided."""
    config = json.loads((families / "qwen3" / "source" / "config.json").read_text())
    built = families / "qwen3" / "built"
    for edit in ({}, {"rms_norm_eps": 1e-2, "head_dim": 64}):
        (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": "new", **edit}))
        attributes, _ = package.graph_parts(built, Beside(tmp_path))
        assert attributes.differences == ()
        assert bool(attributes.absence) == bool(edit)
    assert "if new means that" in attributes.absence


def test_one_cache_for_long_prompts_and_short_ones_is_no_longrope(families, tmp_path):
    """Both branches give the rotations of short prompts."""
    import shutil

    folder = Path(shutil.copytree(families / "phi3" / "built", tmp_path / "wrong"))
    damage.share_the_short_cache(folder)
    _, found = package.graph_parts(folder, Beside(families / "phi3" / "source"))
    assert "cos_cache_large" in found.differences[0]
