import subprocess
import sys
from pathlib import Path

import pytest

from harness.builders.build_process import environment


def test_the_build_has_an_environment_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    variables = environment(tmp_path)

    assert "HF_TOKEN" not in variables
    assert variables["CI"] == "true"
    assert variables["HF_HUB_OFFLINE"] == variables["OLIVE_DISABLE_TELEMETRY"] == "1"


def test_importing_every_builder_imports_nothing_heavy() -> None:
    code = (
        "import importlib, pkgutil, sys, harness.builders as package\n"
        "for module in pkgutil.iter_modules(package.__path__):\n"
        "    importlib.import_module(f'{package.__name__}.{module.name}')\n"
        "print([name for name in ('onnx', 'torch', 'olive', 'transformers', 'onnxruntime') "
        "if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True
    )

    assert done.stdout.strip() == "[]"
