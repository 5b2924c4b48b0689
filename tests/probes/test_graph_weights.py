"""The weights of small graphs, dequantized as the operators' documentation says."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.errors import LoadError
from harness.metrics.weights import dequantized
from harness.probes.graph_weights import BlockWeight, read_weights
from tests.rounding import packed, rounded

ROWS, COLUMNS = 6, 80


def save(folder, nodes, tensors, **options):
    graph = helper.make_graph(nodes, "graph", [], [], tensors)
    onnx.save_model(helper.make_model(graph), folder / "model.onnx", **options)


def save_beside(folder, nodes, tensors):
    options = {"save_as_external_data": True, "location": "model.onnx.data", "size_threshold": 16}
    save(folder, nodes, tensors, **options)


def tensor(name, values):
    return numpy_helper.from_array(np.ascontiguousarray(values), name)


def product(*inputs, **attributes):
    return helper.make_node("MatMulNBits", ["x", *inputs], ["y"], K=COLUMNS, N=ROWS, **attributes)


def gather(*inputs, **attributes):
    names = [inputs[0], "ids", *inputs[1:]]
    return helper.make_node("GatherBlockQuantized", names, ["e"], **attributes)


@pytest.fixture
def weights():
    return np.random.default_rng(0).normal(0, 1, (ROWS, COLUMNS)).astype(np.float32)


def test_a_graph_in_a_folder_below_hides_behind_none_above(tmp_path, weights):
    (tmp_path / "onnx").mkdir()
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    for folder, values in ((tmp_path, weights), (tmp_path / "onnx", weights * 2)):
        save_beside(folder, [node], [tensor("w", values)])
    found = [it.rows(0, COLUMNS) for it in read_weights(tmp_path).weights]
    np.testing.assert_array_equal(found, [weights.T, 2 * weights.T])


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("store", [save, save_beside])
def test_a_quantized_product_is_read_with_its_padding(tmp_path, weights, bits, symmetric, store):
    levels, scales, points = rounded(weights, bits, 32, symmetric)  # 2.5 blocks, odd zero points
    tensors = [tensor("q", packed(levels, bits)), tensor("s", scales.reshape(-1))]
    names = ["q", "s"] if symmetric else ["q", "s", "z"]
    tensors += [] if symmetric else [tensor("z", packed(points, bits).reshape(-1))]
    store(tmp_path, [product(*names, bits=bits, block_size=32)], tensors)
    [found] = read_weights(tmp_path).weights
    assert (found.name, found.shape) == ("q", (ROWS, COLUMNS))
    assert (found.format.bits, found.format.block_size) == (bits, 32)
    assert found.format.symmetric == symmetric
    expected = dequantized(levels, scales, points)
    np.testing.assert_array_equal(found.rows(0, ROWS), expected)
    np.testing.assert_array_equal(found.rows(2, 5), expected[2:5])


def test_stored_zero_points_in_the_middle_are_symmetric(tmp_path, weights):
    levels, scales, points = rounded(weights, 4, 32)
    tensors = [tensor("q", packed(levels, 4)), tensor("s", scales), tensor("z", packed(points, 4))]
    save(tmp_path, [product("q", "s", "z", bits=4, block_size=32)], tensors)
    [found] = read_weights(tmp_path).weights
    assert found.format.symmetric
    np.testing.assert_array_equal(found.rows(0, ROWS), dequantized(levels, scales, points))


def test_a_quantized_embedding_of_signed_halves_is_read(tmp_path):
    table = np.random.default_rng(0).normal(0, 1, (ROWS, 64)).astype(np.float32)
    levels, scales, points = rounded(table, 4, 32)
    stored = packed(levels ^ 8, 4).tobytes()
    halves = helper.make_tensor("q", TensorProto.INT4, (ROWS, 64), stored, raw=True)
    node = gather("q", "s", block_size=32, gather_axis=0, quantize_axis=1)
    save(tmp_path, [node], [halves, tensor("s", scales)])
    [found] = read_weights(tmp_path).weights
    assert found.shape == (ROWS, 64)
    np.testing.assert_array_equal(found.rows(0, ROWS), dequantized(levels, scales, points))


def test_an_embedding_tied_to_the_output_layer_is_one_tensor(tmp_path, weights):
    levels, scales, _ = rounded(weights, 4, 32)
    tensors = [
        tensor("q", packed(levels, 4)),
        tensor("s", scales),
        tensor("shape", np.array([6, 48])),
    ]
    flat = helper.make_node("Reshape", ["q", "shape"], ["flat"])
    nodes = [
        flat,
        gather("flat", "s", block_size=32, bits=4),
        product("q", "s", bits=4, block_size=32),
    ]
    save(tmp_path, nodes, tensors)
    [found] = read_weights(tmp_path).weights
    assert found.shape == (ROWS, COLUMNS)


def test_the_right_side_of_a_product_is_turned_and_a_table_is_not(tmp_path, weights):
    half = weights.astype(np.float16)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["e"]),
        helper.make_node("MatMul", ["e", "product"], ["p"]),
        helper.make_node("Gemm", ["e", "gemm"], ["g"], transB=1),
    ]
    tensors = [tensor("table", weights), tensor("product", half.T), tensor("gemm", weights)]
    save_beside(tmp_path, nodes, tensors)
    table, turned, gemm = read_weights(tmp_path).weights
    assert table.shape == turned.shape == gemm.shape == (ROWS, COLUMNS)
    np.testing.assert_array_equal(turned.rows(1, 3), half[1:3].astype(np.float32))
    assert (table.format.name, turned.format.name) == ("fp32", "fp16")


def test_bfloat16_is_read(tmp_path):
    bits = (np.arange(64, dtype=np.float32).view(np.uint32) >> 16).astype(np.uint16)
    stored = helper.make_tensor("norm", TensorProto.BFLOAT16, (64,), bits.tobytes(), raw=True)
    save(tmp_path, [helper.make_node("Norm", ["x", "norm"], ["y"])], [stored])
    [found] = read_weights(tmp_path).weights
    assert found.rows(0, 64)[:, 0].tolist() == list(range(64))


def test_caches_constants_and_what_cannot_be_read_are_told_apart(tmp_path, weights):
    levels, scales, _ = rounded(weights, 4, 32)
    order = tensor("order", np.zeros(COLUMNS, np.int32))
    quantized = [tensor("q", packed(levels, 4)), tensor("s", scales), order]
    caches = [tensor(f"{it}_cache", np.ones((40, 4), np.float32)) for it in ("cos", "sin")]
    held = helper.make_node("Constant", [], ["held"], value=tensor("", weights))
    small = tensor("small", np.ones(3, np.float32))
    node = product("q", "s", "", "order", bits=4, block_size=32)
    save(tmp_path, [held, node], [*quantized, *caches, small])
    found = read_weights(tmp_path)
    assert {it.name for it in found.weights} == {"held"}
    assert [(cosines.name, sines.name) for cosines, sines in found.rotations] == [
        ("cos_cache", "sin_cache")
    ]
    assert found.unread == (("q", levels.size // 2),)


@pytest.mark.parametrize("other", [{"weight_prepacked": 1}, {"bits": 3}])
def test_a_layout_that_is_not_known_is_not_guessed_at(tmp_path, weights, other):
    levels, scales, _ = rounded(weights, 4, 32)
    node = product("q", "s", **{"bits": 4, "block_size": 32, **other})
    save(tmp_path, [node], [tensor("q", packed(levels, 4)), tensor("s", scales)])
    found = read_weights(tmp_path)
    assert (found.weights, found.unread) == ((), (("q", levels.size // 2),))


def test_files_that_are_missing_short_or_no_graph_are_named(tmp_path, weights):
    save_beside(tmp_path, [], [tensor("w", weights)])
    data = tmp_path / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:-8])
    with pytest.raises(LoadError, match=r"model\.onnx\.data must hold all of w"):
        read_weights(tmp_path)
    data.unlink()
    with pytest.raises(LoadError, match=r"model\.onnx\.data must hold all of w"):
        read_weights(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"\xff" * 40)
    with pytest.raises(LoadError, match=r"model\.onnx"):
        read_weights(tmp_path)


def test_a_folder_of_a_real_build_is_read(embedded):
    found = read_weights(embedded["int4"])
    quantized = [it for it in found.weights if isinstance(it, BlockWeight)]
    assert (len(quantized), len(found.rotations), found.unread) == (16, 1, ())
