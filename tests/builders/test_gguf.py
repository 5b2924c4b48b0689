"""A GGUF file as a source: made into a checkpoint once, by a process of its own."""

import contextlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.builders.gguf import checkpoint_of
from harness.builders.gguf_worker import _require_same_tokens
from harness.errors import BuildError, ConfigError, InfrastructureError

WORKER = "tests.builders.fake_gguf_worker"


@pytest.fixture
def gguf(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + b"0" * 100)
    return path


@pytest.fixture
def stages():
    return []


def made(path, stages, worker=WORKER):
    return checkpoint_of(
        path, path.parent / "kept", lambda name, stage: stages.append(stage), worker
    )


def test_a_checkpoint_is_made_once_and_again_when_it_was_changed(gguf, stages, monkeypatch):
    monkeypatch.setattr("harness.builders.gguf._NEEDED", ())
    place = made(gguf, stages)
    assert (place / "config.json").is_file()
    assert "dequantizing" in stages
    stages.clear()
    assert made(gguf, stages) == place
    assert stages == []
    (place / "config.json").write_text("{}")
    assert made(gguf, stages) == place
    assert stages
    assert json.loads((place / "config.json").read_text()) == {"model_type": "fake"}


def test_another_file_is_another_checkpoint(gguf, stages, monkeypatch):
    monkeypatch.setattr("harness.builders.gguf._NEEDED", ())
    first = made(gguf, stages)
    gguf.write_bytes(b"GGUF" + b"1" * 100)
    assert made(gguf, stages) != first


def test_what_is_no_gguf_or_not_there_is_the_release_files_mistake(tmp_path, stages):
    path = tmp_path / "model.gguf"
    with pytest.raises(ConfigError, match="cannot be read"):
        made(path, stages)
    path.write_bytes(b"PK..")
    with pytest.raises(ConfigError, match="must be a GGUF file"):
        made(path, stages)


def test_what_a_worker_cannot_do_is_told_and_nothing_is_left(gguf, stages, monkeypatch):
    monkeypatch.setattr("harness.builders.gguf._NEEDED", ())
    gguf.write_bytes(b"GGUF refused")
    with pytest.raises(ConfigError, match="the tokenizer"):
        made(gguf, stages)
    gguf.write_bytes(b"GGUF silent")
    with pytest.raises(BuildError, match="no checkpoint was made"):
        made(gguf, stages)
    assert list((gguf.parent / "kept").iterdir()) == []


def test_missing_packages_are_named(gguf, stages, monkeypatch):
    monkeypatch.setattr("harness.builders.gguf._NEEDED", ("no-such-package",))
    with pytest.raises(InfrastructureError, match="missing no-such-package"):
        made(gguf, stages)


@pytest.mark.skipif(find_spec("gguf") is None, reason="needs the [gguf] extra")
@pytest.mark.parametrize("pre", ["smollm", "gpt-2"])
def test_a_real_gguf_becomes_a_checkpoint_that_builds(tmp_path, stages, pre):
    script = Path(__file__).parent / "tiny_gguf.py"
    subprocess.run([sys.executable, script, tmp_path / "tiny.gguf", pre], check=True)
    place = made(tmp_path / "tiny.gguf", stages, "harness.builders.gguf_worker")
    config = json.loads((place / "config.json").read_text())
    assert (config["model_type"], config["num_hidden_layers"]) == ("llama", 2)
    assert "quantization_config" not in config
    tokenizer = json.loads((place / "tokenizer.json").read_text())
    kinds = [it["type"] for it in tokenizer["pre_tokenizer"].get("pretokenizers", [])]
    assert ("Digits" in kinds) is (pre == "smollm")


@pytest.mark.skipif(find_spec("gguf") is None, reason="needs the [gguf] extra")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["deepseek-llm"], "found tokenizer.ggml.pre 'deepseek-llm'"),
        (["default"], "found tokenizer.ggml.pre 'default'"),
        (["smollm", "without", "blk.1.ffn_up"], "must hold all weights"),
        (["smollm", "with", "rope_freqs"], "scaled rotations"),
    ],
)
def test_a_gguf_that_would_become_another_model_is_refused(tmp_path, stages, options, said):
    script = Path(__file__).parent / "tiny_gguf.py"
    subprocess.run([sys.executable, script, tmp_path / "tiny.gguf", *options], check=True)
    with pytest.raises(ConfigError, match=said):
        made(tmp_path / "tiny.gguf", stages, "harness.builders.gguf_worker")


class Known:
    """A tokenizer that has these tokens, by their ids."""

    def __init__(self, *tokens):
        self.get_vocab = {token: number for number, token in enumerate(tokens)}.copy


@pytest.mark.parametrize(("model", "is_same"), [("llama", True), ("gpt2", False)])
def test_blanks_that_users_defined_may_be_written_as_sentencepiece_writes_them(model, is_same):
    kinds = [3, 1, 4]
    fields = {"model": model, "tokens": ["<s>", "a", "  "], "token_type": kinds}
    fields = {f"tokenizer.ggml.{name}": value for name, value in fields.items()}
    known = Known("<s>", "a", "\u2581\u2581")
    with contextlib.nullcontext() if is_same else pytest.raises(ConfigError, match="other ids"):
        _require_same_tokens(known, fields)
    with pytest.raises(ConfigError, match="2 of 3 tokens have other ids"):
        _require_same_tokens(
            Known("<s>", "\u2581\u2581", "a"), fields | {"tokenizer.ggml.model": "llama"}
        )
