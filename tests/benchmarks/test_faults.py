"""Every planted fault is caught by the suite that should.

Of performance, by no other and twice the same: two whole sessions of the gate on eleven candidates,
a quarter of an hour. Of quality, by the four suites that need no quiet machine: minutes.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import shorten
from typing import Any

import pytest
from tabulate import tabulate

from tests.benchmarks.planted import ALIKE, EVERY, FAULTS, LATER, QUALITY, SLOW, SLOWER, plant
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
    first, again = (_judged(release, tmp_path / turn, "suites") for turn in ("first", "again"))
    show(tabulate([_row(name, first, again) for name in folders], headers=HEADERS))
    assert (_verdict(first, COPY), _verdict(again, COPY)) == ("GO", "GO")
    for name, fault in FAULTS.items():
        for variants in (first, again):
            assert _verdict(variants, name) == "NO-GO", name
            assert fault.caught_by in _red(variants, name), name
            assert set(_red(variants, name)) <= {fault.caught_by, *fault.seen_by}, name


HEADERS = ("fault", "verdict", "again", "suites that fail", "why")


def test_every_fault_of_quality_is_caught_by_its_suite_and_a_copy_passes(embedded, tmp_path, show):
    faults = {**QUALITY, **ALIKE}
    folders = {COPY: plant(COPY, embedded["int4"], tmp_path)}
    folders |= {name: plant(name, embedded[it.of], tmp_path) for name, it in faults.items()}
    release = tmp_path / "release.toml"
    release.write_text(_release(embedded["fp32"], folders), encoding="utf-8")
    found = _judged(release, tmp_path, *(f"suites/test_{suite}.py" for suite in OF_QUALITY))
    rows = [_short_row(name, found) for name in folders]
    natural = {it["rule"]: it for it in found[COPY]["findings"] if it["rule"] in NATURAL}
    rows += [
        [NATURAL[rule], it["outcome"], it["suite"], shorten(it["reason"], 160)]
        for rule, it in natural.items()
    ]
    show(tabulate(rows, headers=SHORT_HEADERS))
    assert _red(found, COPY) == [], _failed(found, COPY)
    assert {rule: it["outcome"] for rule, it in natural.items()} == dict.fromkeys(NATURAL, "waived")
    for name, fault in faults.items():
        assert fault.caught_by in _red(found, name), name


def test_every_way_to_be_slow_is_caught_by_the_latency_suite_and_a_copy_passes(
    embedded, tmp_path, show
):
    folders = {name: plant(name, embedded["int4"], tmp_path) for name in (COPY, *SLOW)}
    release = tmp_path / "release.toml"
    release.write_text(_release(embedded["fp32"], folders), encoding="utf-8")
    found = _judged(release, tmp_path, "suites/test_latency.py")
    show(tabulate([_short_row(name, found) for name in folders], headers=SHORT_HEADERS))
    assert _red(found, COPY) == [], _failed(found, COPY)
    for name in SLOW:
        assert _red(found, name) == ["latency"], name


def test_what_is_slower_than_the_previous_release_is_refused_whatever_the_processor(
    embedded, tmp_path, show
):
    folders = {name: plant(name, embedded["int4"], tmp_path) for name in (COPY, *SLOWER)}
    release = tmp_path / "release.toml"
    previous = f'[variants.previous]\nprebuilt = "{embedded["int4"]}"\nrole = "baseline"\n'
    text = _release(embedded["fp32"], folders)
    release.write_text(text.replace("[data]", f"{previous}[data]"), encoding="utf-8")
    found = _judged(release, tmp_path, "suites/test_latency.py")
    show(tabulate([_short_row(name, found) for name in folders], headers=SHORT_HEADERS))
    assert _red(found, COPY) == [], _failed(found, COPY)
    for name in SLOWER:
        assert "latency.total_to_baseline" in {it["rule"] for it in _failed(found, name)}, name


def test_a_file_that_is_damaged_while_it_is_measured_is_never_go(embedded, tmp_path, show):
    folder = plant(LATER, embedded["int4"], tmp_path)
    release = tmp_path / "release.toml"
    release.write_text(_release(embedded["fp32"], {LATER: folder}), encoding="utf-8")
    variants = _judged(release, tmp_path, "suites/test_accuracy.py")
    why = [
        it["reason"] for it in variants[_id(LATER)]["findings"] if it["rule"] == "session.variant"
    ]
    show(f"{LATER}: {_verdict(variants, LATER)}, {why[0]}")
    assert _verdict(variants, LATER) == "INCONCLUSIVE"
    assert "model.onnx.data" in why[0]


NATURAL = {"edge_cases.normalizer": "T1", "edge_cases.special_tokens": "E13"}
"""Rules on what today's engine does to every variant, and the faults that they are about."""

OF_QUALITY = ("accuracy", "edge_cases", "packaging", "precision")
SHORT_HEADERS = ("fault", "verdict", "suites that fail", "why, by the suite that must see it")


def _release(reference: Path, folders: dict[str, Path]) -> str:
    candidates = [
        f'[variants."{_id(name)}"]\nprebuilt = "{folder}"\nprecision = "{_precision(name)}"'
        for name, folder in folders.items()
    ]
    return RELEASE.format(
        travel=TRAVEL, root=ROOT, reference=reference, candidates="\n".join(candidates)
    )


def _id(name: str) -> str:
    """A variant's name has no blanks and such."""
    return re.sub("[^a-zA-Z0-9.-]+", "-", name)


def _precision(name: str) -> str:
    return EVERY[name].of if name in EVERY else "int4"


def _judged(release: Path, reports: Path, *suites: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "pytest", *suites, "--release", str(release)]
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


def _short_row(name: str, variants: dict[str, Any]) -> list[str]:
    failed = _failed(variants, name)
    caught_by = EVERY[name].caught_by if name in EVERY else ""
    why = next((it["reason"] for it in failed if it["suite"] == caught_by), "")
    suites = ", ".join(_red(variants, name)) or "none"
    return [name, "NO-GO" if failed else "none", suites, shorten(why, 160)]


def _verdict(variants: dict[str, Any], name: str) -> str:
    return str(variants[_id(name)]["verdict"])


def _red(variants: dict[str, Any], name: str) -> list[str]:
    return sorted({it["suite"] for it in _failed(variants, name)})


def _failed(variants: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [it for it in variants[_id(name)]["findings"] if it["outcome"] == "fail"]
