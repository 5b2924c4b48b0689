"""The source beside exports of it that only long prompts tell apart."""

import shutil

import numpy as np
import pytest

from harness.errors import InfrastructureError
from harness.fleet import Fleet
from harness.release import TRANSFORMERS, Precision, Role
from harness.route import Route
from harness.runtimes.isolated import Isolated
from harness.source_lengths import ask_lengths, compare_lengths, passages_of
from harness.variant import Recipe, Variant
from tests.conftest import ROOT

CHECKPOINT = ROOT / "fixtures" / "travel" / "model"
RUNTIME = "harness.runtimes.ort_genai:OrtGenAI"


def route(*rungs):
    return Route("fp32", {"fp32": rungs}, (tuple(n % 900 + 50 for n in range(1300)),))


@pytest.fixture(scope="module")
def distances():
    """The distances of an export at some lengths, by one process of the source."""
    with Isolated(TRANSFORMERS, CHECKPOINT, patience=120.0, label="the source") as source:

        def distances(folder, asked, known=None):
            recipe = Recipe("fp32", Role.REFERENCE, Precision.FP32)
            with Fleet({"fp32": Variant(recipe, folder, {}, "sha256:0")}, RUNTIME, 60.0) as fleet:
                return compare_lengths(source, fleet, "fp32", passages_of(asked, 0), known or {})

        yield distances


def test_passages_end_where_the_plan_ends_them():
    asked = passages_of(route(32, 512, 1100), 600)
    assert [(it.label, len(it.token_ids), it.positions) for it in asked] == [
        ("32", 32, 8),
        ("512", 512, 8),
    ]
    assert len(passages_of(route(32, 512, 1100), 0)) == 3


def test_the_export_is_the_source_at_every_length(embedded, distances):
    found = distances(embedded["fp32"], route(64, 511, 1100))
    assert list(found.distances) == [64, 511, 1100]
    assert max(found.distances.values()) < 5e-5
    assert found.left_out == ""


def test_what_the_reference_was_read_before_is_not_read_again(embedded, distances):
    known = np.random.default_rng(0).normal(size=(8, 2048)).astype(np.float32)
    found = distances(embedded["fp32"], route(64, 511), {64: known, 511: known[:5]}).distances
    assert found[64] > 0.5  # by the logits that were handed in
    assert found[511] < 5e-5  # not as many as there are positions: read again


@pytest.fixture
def windowed(embedded, tmp_path):
    """An fp32 export whose attention sees some tokens back alone."""
    onnx = pytest.importorskip("onnx")

    def make(window):
        folder = shutil.copytree(embedded["fp32"], tmp_path / f"window-{window}")
        model = onnx.load(folder / "model.onnx", load_external_data=False)
        for node in model.graph.node:
            if node.op_type == "GroupQueryAttention":
                kept = [it for it in node.attribute if it.name != "local_window_size"]
                del node.attribute[:]
                node.attribute.extend(kept)
                node.attribute.append(onnx.helper.make_attribute("local_window_size", window))
        onnx.save(model, folder / "model.onnx")
        return folder

    return make


@pytest.mark.parametrize("window", [512, 1000])
def test_a_window_that_the_source_has_not_shows_beyond_it_alone(windowed, distances, window):
    found = distances(windowed(window), route(64, 511, 1100)).distances
    assert max(found[64], found[511]) < 5e-4 < found[1100]


def test_what_the_source_refuses_ends_the_ladder_and_is_said(embedded, distances):
    long = Route("fp32", {"fp32": (64, 4200)}, (tuple(n % 900 + 50 for n in range(4200)),))
    found = distances(embedded["fp32"], long)
    assert list(found.distances) == [64]
    assert "not compared at 4,200 to 4,200 tokens" in found.left_out


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("DiesOfLength", "the process died of SIGKILL"),
        ("HasNoMemory", "this machine has no memory"),
    ],
)
def test_a_source_that_runs_out_of_memory_keeps_what_it_read_before(tmp_path, way, why):
    recipe = Recipe("fp32", Role.REFERENCE, Precision.FP32)
    variants = {"fp32": Variant(recipe, tmp_path, {}, "sha256:0")}
    with (
        Isolated(f"tests.odd_runtimes:{way}", tmp_path, label="the source") as source,
        Fleet(variants, "harness.runtimes.scripted:Scripted", 60.0) as fleet,
    ):
        found = compare_lengths(source, fleet, "fp32", passages_of(route(32, 64, 200, 400), 0), {})
    assert found.distances == {32: 0, 64: 0}
    assert "not compared at 200 to 400 tokens" in found.left_out
    assert why in found.left_out


def test_a_source_that_cannot_be_loaded_is_no_fault_of_the_variants(tmp_path):
    with pytest.raises(InfrastructureError, match="it cannot be compared with the source"):
        ask_lengths(tmp_path, Fleet({}, RUNTIME, 60.0), "fp32", passages_of(route(32), 0))
