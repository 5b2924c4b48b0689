"""Every planted fault is caught by the suite that should, and by no other, twice the same.

Two whole sessions of the gate on twelve candidates: a quarter of an hour.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tabulate import tabulate

from tests.benchmarks.planted import FAULTS, plant
from tests.benchmarks.session import ROOT

TRAVEL = ROOT / "fixtures" / "travel"
COPY = "copy"  # of the variant that the faults are planted in, with none
RELEASE = """
[release]
name = "travel"
version = 1
[model]
path = "{travel}/model"
[variants.fp32]
prebuilt = "{reference}"
precision = "fp32"
role = "reference"
{candidates}
[data]
domain = "{travel}/eval.jsonl"
[runtime]
factory = "tests.benchmarks.planted:Planted"
[policy]
path = "{root}/fixtures/policies/gate.toml"
"""


def test_every_fault_is_caught_by_its_suite_alone_and_again(embedded, tmp_path, show):
    folders = {name: plant(name, embedded["int4"], tmp_path) for name in (COPY, *FAULTS)}
    release = tmp_path / "release.toml"
    release.write_text(_release(embedded["fp32"], folders), encoding="utf-8")
    first, again = (_judged(release, tmp_path / turn) for turn in ("first", "again"))
    show(tabulate([_row(name, first, again) for name in folders], headers=HEADERS))
    assert (_verdict(first, COPY), _verdict(again, COPY)) == ("GO", "GO")
    for name, fault in FAULTS.items():
        for variants in (first, again):
            assert _verdict(variants, name) == "NO-GO", name
            assert fault.caught_by in _red(variants, name), name
            assert set(_red(variants, name)) <= {fault.caught_by, *fault.seen_by}, name


HEADERS = ("fault", "verdict", "again", "suites that fail", "why")


def _release(reference: Path, folders: dict[str, Path]) -> str:
    candidates = [
        f'[variants."{name}"]\nprebuilt = "{folder}"\nprecision = "int4"'
        for name, folder in folders.items()
    ]
    return RELEASE.format(
        travel=TRAVEL, root=ROOT, reference=reference, candidates="\n".join(candidates)
    )


def _judged(release: Path, reports: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "pytest", "suites", "--release", str(release)]
    command += ["--no-publish", "--reports", str(reports), "-p", "no:cacheprovider", "-q"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    path = reports / "latest" / "report.json"
    if not path.exists():
        pytest.fail(done.stdout + done.stderr)
    variants: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["variants"]
    return variants


def _row(name: str, first: dict[str, Any], again: dict[str, Any]) -> list[str]:
    caught_by = FAULTS[name].caught_by if name in FAULTS else ""
    failed = _failed(first, name)
    why = next((it["reason"] for it in failed if it["suite"] == caught_by), "")
    red = ", ".join(_red(first, name)) or "none"
    return [name, _verdict(first, name), _verdict(again, name), red, why]


def _verdict(variants: dict[str, Any], name: str) -> str:
    return str(variants[name]["verdict"])


def _red(variants: dict[str, Any], name: str) -> list[str]:
    return sorted({it["suite"] for it in _failed(variants, name)})


def _failed(variants: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [it for it in variants[name]["findings"] if it["outcome"] == "fail"]
