"""Graphs that are written in other ways than the builder's own."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.errors import LoadError
from harness.probes.graph_computation import read_computation


@pytest.fixture
def read(tmp_path):
    def read(nodes, **tensors):
        kept = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
        output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)
        graph = helper.make_graph(nodes, "graph", [], [output], kept)
        path = tmp_path / "model.onnx"
        onnx.save_model(helper.make_model(graph), path)
        return read_computation(path)

    return read


CACHES = {"cosines": np.ones((8, 2), np.float32), "sines": np.zeros((8, 2), np.float32)}


def test_rotations_apart_from_attention_are_found(read):
    nodes = [
        helper.make_node("RotaryEmbedding", ["q", "p", "cosines", "sines"], ["turned"]),
        helper.make_node("Reshape", ["turned", "shape"], ["queries"]),
        helper.make_node(
            "MultiHeadAttention", ["queries", "k", "v"], ["a"], "attention", num_heads=4, scale=0.5
        ),
    ]
    graph = read(nodes, **CACHES)
    [found] = graph.attentions
    assert (found.heads, found.kv_heads, found.scale, found.window) == (4, None, 0.5, None)
    assert (found.caches, found.is_turned) == (("cosines",), True)
    assert graph.caches["cosines"].sines.shape == (8, 2)


def test_attention_without_a_rotation_that_is_seen_tells_nothing(read):
    graph = read([helper.make_node("MultiHeadAttention", ["q", "k", "v"], ["a"], num_heads=4)])
    assert graph.attentions[0].is_turned is None


def test_a_layer_beside_turned_ones_is_not_turned(read):
    places = ["q", "k", "v", "", "", "", "", "cosines", "sines"]
    nodes = [
        helper.make_node("GroupQueryAttention", places, ["a"], num_heads=4, do_rotary=1),
        helper.make_node("GroupQueryAttention", places, ["b"], num_heads=4, do_rotary=0),
    ]
    graph = read(nodes, **CACHES)
    assert [it.is_turned for it in graph.attentions] == [True, False]


def test_norms_are_found_with_what_their_operators_take_by_default(read):
    nodes = [
        helper.make_node("SimplifiedLayerNormalization", ["x", "w"], ["a"], "one", epsilon=1e-6),
        helper.make_node("SkipSimplifiedLayerNormalization", ["x", "s", "w"], ["b"], "two"),
        helper.make_node("GroupQueryAttention", ["q"], ["c"], "three", qk_norm_epsilon=1e-3),
        helper.make_node("LayerNormalization", ["x", "w"], ["d"], "four"),
    ]
    found = {it.name: it.epsilon for it in read(nodes).norms}
    assert found == pytest.approx({"one": 1e-6, "two": 1e-12, "three": 1e-3})


def test_a_cap_of_logits_is_found_behind_a_cast(read):
    nodes = [
        helper.make_node("Div", ["raw", "cap"], ["small"]),
        helper.make_node("Tanh", ["small"], ["bent"]),
        helper.make_node("Mul", ["bent", "cap"], ["large"]),
        helper.make_node("Cast", ["large"], ["logits"], to=1),
    ]
    assert read(nodes, cap=np.array(30.0, np.float32)).final_softcap == 30.0
    assert read([helper.make_node("MatMul", ["x", "w"], ["logits"])]).final_softcap == 0.0


def test_what_is_no_graph_is_named(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(LoadError, match=r"found none: model\.onnx"):
        read_computation(tmp_path / "model.onnx")
    with pytest.raises(LoadError, match="found none"):
        read_computation(tmp_path / "nowhere.onnx")
