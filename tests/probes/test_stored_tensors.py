"""Which tensors of a graph are stored as numbers: not what scales others, and not RoPE caches."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from harness.evidence import Evidence, Subject
from harness.finding import Outcome
from harness.measurement import Measurement
from harness.metrics.stored_tensors import largest_wide
from harness.probes.folder import file_sizes
from harness.probes.stored_tensors import read_stored_tensors
from harness.release import Precision, Role
from harness.ruling import apply_rule
from harness.store import read_policy
from tests.conftest import ROOT


def tensor(name, shape, kind=np.float32):
    return numpy_helper.from_array(np.ones(shape, kind), name)


@pytest.fixture
def folder(tmp_path):
    """A graph of one quantized product and a plain embedding, its weights in another file."""
    initializers = [
        tensor("embed", (64, 32)),
        tensor("norm", (32,), np.float16),
        tensor("levels", (8, 1, 16), np.uint8),
        tensor("scales", (8, 16)),
        tensor("shape", (2,), np.int64),
        tensor("points", (8, 16)),
        tensor("cos_cache", (64, 16)),
    ]
    nodes = [
        helper.make_node("Gather", ["embed", "ids"], ["x"]),
        helper.make_node("Reshape", ["scales", "shape"], ["flat"]),
        helper.make_node("MatMulNBits", ["x", "levels", "flat", "points"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "graph", [], [], initializers)
    onnx.save_model(
        helper.make_model(graph),
        tmp_path / "model.onnx",
        save_as_external_data=True,
        location="weights.data",
        size_threshold=16,
    )
    return tmp_path


def test_weights_that_are_numbers_are_told_with_their_bytes(folder):
    (folder / "weights.data").unlink()  # nothing is loaded
    found = [(it.name, it.kind, it.bits, it.size_bytes) for it in read_stored_tensors(folder)]
    assert found == [("embed", "fp32", 32, 8192), ("norm", "fp16", 16, 64)]


def test_what_is_no_graph_has_none(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    assert read_stored_tensors(tmp_path) == ()


@pytest.mark.parametrize(
    ("name", "precision", "share"), [("int8", "int8", 0.39), ("int4", "int4", 0.0)]
)
def test_an_int8_build_keeps_its_embedding_and_an_int4_build_does_not(
    embedded, name, precision, share
):
    wide = largest_wide(read_stored_tensors(embedded[name]), Precision(precision))
    assert wide.size_bytes / sum(file_sizes(embedded[name]).values()) == pytest.approx(
        share, abs=0.01
    )
    assert (wide.label == "model.embed_tokens.weight (fp32, 2.00 MiB)") is (name == "int8")


def test_the_gates_own_policy_tells_of_it_and_does_not_refuse_it():
    policy = read_policy(ROOT / "fixtures" / "policies" / "gate.toml")
    [rule] = [it for it in policy.rules if it.id == "packaging.wide_tensor"]
    label = "embed (fp32, 2.00 MiB)"
    subjects = {
        "fp32": Subject(Role.REFERENCE, Precision.FP32, "sha256:1"),
        "int8": Subject(Role.CANDIDATE, Precision.INT8, "sha256:2"),
    }
    it = Measurement("packaging", rule.metric, "int8", "share", (0.4,), "here", labels=(label,))
    found = apply_rule(rule, it, Evidence("travel:1", subjects, "here"))
    assert (found.outcome, found.decides) == (Outcome.FAIL, False)
    assert found.reason == (
        "share of the folder that its largest tensor of more bits than asked for takes, at embed "
        "(fp32, 2.00 MiB): 40 %, over 20 %; it was not quantized, so the folder is larger than its "
        "bits suggest"
    )
