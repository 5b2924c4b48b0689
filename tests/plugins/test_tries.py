"""A session whose candidate cannot be built: it is tried once, however many checks ask for it."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

RELEASE = """
[release]
name = "travel"
version = 1
[model]
path = "checkpoint"
[variants.fp32]
prebuilt = "folder"
role = "reference"
[variants.raises]
precision = "int4"
[data]
domain = "eval.jsonl"
[policy]
path = "policy.toml"
"""
STANDS_IN = """
import functools
import harness.builders.assemble as assemble
import harness.builders.olive as olive

olive.require_known_pair = lambda: None
assemble.OliveBuilder = functools.partial(
    assemble.OliveBuilder, worker="tests.builders.fake_worker"
)
"""
FILES = {
    "checkpoint/config.json": '{"dtype": "float32"}',
    "checkpoint/model.safetensors": "weights",
    "checkpoint/tokenizer.json": "{}",
    "checkpoint/chat_template.jinja": "{{ messages }}",
    "folder/genai_config.json": "{}",
    "eval.jsonl": '{"id": "a", "prompt": "Hi", "expected": "Hello"}',
    "release.toml": RELEASE,
    "stands_in.py": STANDS_IN,
}


@pytest.fixture
def ended(tmp_path, monkeypatch):
    """A session that runs every check of the candidate alone."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    policy = (ROOT / "fixtures" / "policies" / "gate.toml").read_text(encoding="utf-8")
    (tmp_path / "policy.toml").write_text(policy, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    monkeypatch.setenv("PYTEST_PLUGINS", "stands_in")
    places = [f"--{it}={tmp_path / it}" for it in ("reports", "publish", "cache")]
    command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), "-k", "raises", *places]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", f"--release={tmp_path / 'release.toml'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_build_that_fails_is_tried_once_a_session(ended, tmp_path):
    assert ended.returncode == 6, ended.stdout + ended.stderr
    evidence = json.loads((tmp_path / "reports" / "latest" / "evidence.json").read_text())
    skipped = [it for it in evidence["checks"] if it["outcome"] == "skipped"]
    assert len(skipped) > 20
    assert all("there is no raises: the build failed" in it["reason"] for it in skipped)
    assert (tmp_path / "tries").read_text() == "raises\n"
