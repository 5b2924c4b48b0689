"""What the user wrote wrong: one line, a status, and nothing written."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

RELEASE = """
[release]
name = "travel"
version = 1
[model]
path = "model"
[variants.fp32]
precision = "fp32"
role = "reference"
[variants.int4]
precision = "int4"
[data]
domain = "eval.jsonl"
[policy]
path = "gate.toml"
"""
PREBUILT = """
prebuilt = "fp32"
role = "reference"
[variants.int4]
prebuilt = "nowhere"
"""
ITEM = '{"id": "a", "prompt": "Hi", "expected": "Hello"}\n'
CHOICE = ITEM.replace("}", ', "scorer": "choice", "choices": ["Hello", "Bye"]}')


@pytest.fixture
def run(tmp_path):
    """Run the gate on a release file with one change; the folder has data, policy, no model."""
    (tmp_path / "eval.jsonl").write_text(ITEM)
    (tmp_path / "quiz.jsonl").write_text(CHOICE)
    (tmp_path / "copy.jsonl").write_text('{"prompt": "hi!", "expected": "Hello"}\n')
    policy = (ROOT / "fixtures" / "policies" / "gate.toml").read_text(encoding="utf-8")
    (tmp_path / "gate.toml").write_text(policy, encoding="utf-8")

    def run(old="", new="", *options):
        (tmp_path / "release.toml").write_text(RELEASE.replace(old, new) if old else RELEASE)
        command = [sys.executable, "-m", "pytest", str(ROOT / "suites"), "-p", "no:cacheprovider"]
        places = [f"--{it}={tmp_path / it}" for it in ("reports", "publish", "cache")]
        release = ["--release", str(tmp_path / "release.toml")]
        return subprocess.run(
            [*command, *release, *places, *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", "model"),
        ('precision = "int4"', 'precision = "int5"', "'int5' is not accepted"),
        ("version = 1", "version = 1\ncolour = 2", "unknown key 'colour'"),
        ('precision = "int4"', 'precision = "int4"\nrole = "baseline"', "no candidate"),
        ('domain = "eval.jsonl"', 'domain = "none.jsonl"', "none.jsonl cannot be read"),
        (
            'domain = "eval.jsonl"',
            'domain = "eval.jsonl"\ntext = "no.txt"',
            "no.txt cannot be read",
        ),
        (
            'domain = "eval.jsonl"',
            'domain = "eval.jsonl"\nedge_cases = "no.toml"',
            "pack of edge cases",
        ),
        ('path = "gate.toml"', 'path = "none.toml"', "none.toml cannot be read"),
        (
            'domain = "eval.jsonl"',
            'domain = "eval.jsonl"\ncalibration = "copy.jsonl"',
            "copy.jsonl has 1 of 1, the first is a",
        ),
        (
            'domain = "eval.jsonl"',
            'domain = "quiz.jsonl"\nask = "letter"\ncalibration = "copy.jsonl"',
            "copy.jsonl has 1 of 1, the first is a",
        ),
    ],
    ids=[
        "no model",
        "value",
        "key",
        "no candidate",
        "no data",
        "no text",
        "no pack",
        "no policy",
        "calibration on the bank",
        "calibration on a bank of listed choices",
    ],
)
def test_a_mistake_of_the_user_is_one_line_and_status_4(run, tmp_path, old, new, message):
    done = run(old, new)
    errors = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.returncode == 4, done.stdout + done.stderr
    assert len(errors) == 1
    assert errors[0].startswith("ERROR: ")
    assert message in errors[0]
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "publish").exists()


def test_mistakes_in_several_files_are_told_at_once(run):
    old = RELEASE[RELEASE.index("domain") :]
    done = run(old, 'domain = "none.jsonl"\n[policy]\npath = "no.toml"\n', "--only", "int5")
    assert done.returncode == 4, done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 3
    for line, said in zip(lines, ("no.toml cannot be read", "'int5'", "none.jsonl"), strict=True):
        assert said in line


def test_a_broken_line_of_data_is_named_by_its_number(run, tmp_path):
    (tmp_path / "eval.jsonl").write_text(ITEM + "{broken\n")
    done = run()
    assert done.returncode == 4
    assert "eval.jsonl line 2 is not JSON" in done.stderr


def test_a_model_or_a_prebuilt_folder_that_is_not_there_is_named(run, tmp_path):
    (tmp_path / "fp32").mkdir()
    (tmp_path / "fp32" / "genai_config.json").write_text("{}")
    built = RELEASE.partition("[variants.fp32]")[2].partition("[data]")[0]
    done = run(built, PREBUILT)
    assert done.returncode == 4, done.stdout + done.stderr
    assert f"found no directory {tmp_path / 'model'}" in done.stderr
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "chat_template.jinja").write_text("{{ messages }}")
    done = run(built, PREBUILT)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "nowhere" in done.stderr


def test_an_unknown_variant_in_only_is_named(run):
    done = run("", "", "--only", "int3")
    assert done.returncode == 4
    assert "the release has no variant 'int3'; it has fp32, int4" in done.stderr


def test_a_negative_seed_is_refused(run):
    done = run("", "", "--seed", "-1")
    assert done.returncode == 4
    assert "--seed must not be negative: found -1" in done.stderr


@pytest.mark.parametrize("part", ["gate", "measure", "plan", "variants"])
def test_a_gate_without_one_of_its_plugins_is_refused(run, part):
    done = run("", "", "-p", f"no:harness.plugins.{part}")
    assert done.returncode == 4, done.stdout + done.stderr
    assert f"nothing without harness.plugins.{part}" in done.stderr


def test_the_suites_are_a_gate_whatever_the_root_folder_is(run, tmp_path):
    done = run("version = 1", "version = 1\ncolour = 2", "--rootdir", str(tmp_path))
    assert done.returncode == 4, done.stdout + done.stderr
    assert "unknown key 'colour'" in done.stderr


def test_other_sessions_of_pytest_are_left_alone(pytester):
    pytester.makepyfile("def test_nothing(): pass")
    result = pytester.runpytest_subprocess()
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*release gate*")


def test_a_missing_build_extra_is_one_line_a_variant_and_inconclusive(run, tmp_path, no_torch):
    done = run()
    assert done.returncode == 6, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if "session.variant" in line]
    assert len(lines) == 2
    assert all("[build]" in line for line in lines)
    assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture
def no_torch(tmp_path, monkeypatch):
    """A model folder that would be built, on a machine where Olive seems not to be installed."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "qwen2", "max_position_embeddings": 4096}')
    (model / "tokenizer.json").write_text("{}")
    (model / "chat_template.jinja").write_text("{{ messages }}")
    (model / "model.safetensors").write_bytes(b"\0" * 8)
    plugin = tmp_path / "hidden.py"
    plugin.write_text(HIDDEN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTEST_PLUGINS", "hidden")


HIDDEN = """
import importlib.metadata as metadata

_version = metadata.version

def version(name):
    if name in ("olive-ai", "torch"):
        raise metadata.PackageNotFoundError(name)
    return _version(name)

metadata.version = version
"""
