import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from harness.builders.key import plain
from harness.builders.olive import OliveBuilder
from harness.release import Algorithm, Precision, Role, Stage
from harness.variant import Recipe

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def make_recipe(
    name: str = "int4", precision: Precision = Precision.INT4, **changed: Any
) -> Recipe:
    if precision in (Precision.FP32, Precision.FP16):
        return Recipe(name, Role.REFERENCE, precision, **changed)
    defaults = {
        "algorithm": Algorithm.RTN,
        "block_size": 32,
        "symmetric": True,
        "accuracy_level": 4,
        "stage": Stage.EXPORT,
    }
    return Recipe(name, Role.CANDIDATE, precision, **(defaults | changed))


@pytest.fixture(scope="session")
def recipe() -> Callable[..., Recipe]:
    return make_recipe


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """What passes for a checkpoint as long as nobody loads it."""
    directory = tmp_path / "checkpoint"
    directory.mkdir()
    for name, text in {
        "config.json": '{"dtype": "float32"}',
        "model.safetensors": "weights",
        "tokenizer.json": "{}",
    }.items():
        (directory / name).write_text(text)
    return directory


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OliveBuilder:
    """A builder whose process is real and whose Olive is not: for the cache and for bad ends."""
    monkeypatch.setattr("harness.builders.olive.require_known_pair", lambda: None)
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    return OliveBuilder(tmp_path / "cache", deadline_seconds=60, worker="fake_worker")


Script = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def start_build() -> Script:
    """Start a gate-like process that builds; `first_path` comes first on its module path."""
    _require_build_extra()

    def start(
        cache: Path, source: Path, worker: str, recipes: Sequence[Recipe], first_path: Path = HERE
    ) -> "subprocess.Popen[str]":
        plan = json.dumps([plain(recipe) for recipe in recipes])
        path = os.pathsep.join((str(first_path), str(HERE), str(ROOT)))
        return subprocess.Popen(
            [sys.executable, HERE / "build_script.py", cache, source, worker, plan],
            env={**os.environ, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _tiny(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def tied_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _tiny(tmp_path_factory.mktemp("tied"), "tied")


def _tiny(directory: Path, *options: str) -> Path:
    _require_build_extra()
    script = HERE / "tiny_checkpoint.py"
    subprocess.run([sys.executable, script, directory, *options], check=True, capture_output=True)
    return directory


def _require_build_extra() -> None:
    if any(find_spec(name) is None for name in ("olive", "torch", "transformers")):
        pytest.skip("needs the [build] extra")
