"""Sessions whose source is a GGUF file that becomes no checkpoint."""

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
path = "model.gguf"
[variants.fp32]
{reference}
role = "reference"
[variants.there]
prebuilt = "folder"
[variants.int4]
precision = "int4"
[data]
domain = "eval.jsonl"
[runtime]
factory = "harness.runtimes.scripted:Scripted"
[policy]
path = "policy.toml"
"""
STANDS_IN = """
import functools
import harness.builders.gguf
import harness.plugins.variants as plugin

harness.builders.gguf._NEEDED = {needed}
plugin.checkpoint_of = functools.partial(
    plugin.checkpoint_of, worker="tests.builders.fake_gguf_worker"
)
"""
REFUSED = "the tokenizer is another one"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A session on a release of a GGUF that says how it ends; status, output and report."""
    (tmp_path / "folder").mkdir()
    config = {"model": {"context_length": 512, "vocab_size": 257}}
    (tmp_path / "folder" / "genai_config.json").write_text(json.dumps(config))
    (tmp_path / "folder" / "chat_template.jinja").write_text("{{ messages }}")
    (tmp_path / "eval.jsonl").write_text('{"id": "a", "prompt": "Hi", "expected": "Hello"}\n')
    policy = (ROOT / "fixtures" / "policies" / "gate.toml").read_text(encoding="utf-8")
    (tmp_path / "policy.toml").write_text(policy, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    monkeypatch.setenv("PYTEST_PLUGINS", "stands_in")

    def run(said, needed=(), reference='prebuilt = "folder"'):
        (tmp_path / "stands_in.py").write_text(STANDS_IN.format(needed=needed))
        (tmp_path / "model.gguf").write_bytes(said)
        (tmp_path / "release.toml").write_text(RELEASE.format(reference=reference))
        places = [f"--{it}={tmp_path / it}" for it in ("reports", "publish", "cache")]
        command = [sys.executable, "-m", "pytest", str(ROOT / "suites" / "test_packaging.py")]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", f"--release={tmp_path / 'release.toml'}", *places],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        report = tmp_path / "reports" / "latest" / "report.json"
        found = json.loads(report.read_text()) if report.exists() else {}
        return done.returncode, done.stdout + done.stderr, found

    return run


@pytest.mark.parametrize(
    ("said", "needed", "why"),
    [(b"GGUF refused", (), REFUSED), (b"GGUF", ("no-such",), "missing no-such")],
    ids=["a kind that is not known", "packages that are missing"],
)
def test_what_is_prebuilt_is_judged_and_all_else_is_undecided_with_the_cause(
    run, said, needed, why
):
    status, output, report = run(said, needed)
    assert report["verdict"] in ("NO-GO", "INCONCLUSIVE"), output
    assert status in (1, 6)
    variants = report["variants"]
    [absent] = variants["int4"]["findings"][-1:]
    assert (absent["rule"], absent["outcome"]) == ("session.variant", "inconclusive")
    assert why in absent["reason"]
    findings = {it["rule"]: it for it in variants["there"]["findings"]}
    assert findings["packaging.size"]["outcome"] == "pass"
    of_source = {it["rule"]: it for it in variants["fp32"]["findings"]}
    for rule in ("packaging.attributes_of_reference", "packaging.tokenizer_of_reference"):
        assert of_source[rule]["outcome"] == "inconclusive"
        assert "there is no checkpoint to compare with: " in of_source[rule]["reason"]
        assert why in of_source[rule]["reason"]


def test_a_file_that_is_no_gguf_is_the_users_mistake_whatever_is_prebuilt(run):
    status, output, report = run(b"PK..")
    assert (status, report) == (4, {}), output
    assert "[model] path must be a GGUF file" in output
