from pathlib import Path

import numpy
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.builders.graph import read_graph, read_quantization
from harness.errors import BuildError
from harness.release import Precision
from harness.variant import Quantization


def quantized(
    bits: int = 4, block: int = 32, zero_points: bool = False, **more: int
) -> onnx.NodeProto:
    inputs = ["x", "weight", "scales", *(["zero"] if zero_points else [])]
    return helper.make_node(
        "MatMulNBits", inputs, ["y"], domain="com.microsoft", bits=bits, block_size=block, **more
    )


def embedding() -> onnx.NodeProto:
    inputs = ["weight", "ids", "scales"]
    return helper.make_node(
        "GatherBlockQuantized", inputs, ["e"], domain="com.microsoft", bits=4, block_size=32
    )


def matmul() -> onnx.NodeProto:
    return helper.make_node("MatMul", ["x", "w"], ["y"])


def write(directory: Path, *nodes: onnx.NodeProto, dtype: type = numpy.float32) -> Path:
    weight = numpy_helper.from_array(numpy.zeros((2, 2), dtype), "w")
    scale = numpy_helper.from_array(numpy.zeros(1, numpy.float32), "scales")
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
    graph = helper.make_graph(list(nodes), "g", [value], [], [weight, scale])
    onnx.save(helper.make_model(graph), directory / "model.onnx")
    return directory


def test_equal_nodes_are_counted_and_the_most_frequent_comes_first(tmp_path: Path) -> None:
    nodes = [quantized(8), *(quantized(accuracy_level=4) for _ in range(3))]

    assert read_quantization(write(tmp_path, *nodes)) == (
        Quantization(4, 32, 4, True, 3),
        Quantization(8, 32, 0, True, 1),
    )


def test_zero_points_mean_not_symmetric(tmp_path: Path) -> None:
    (found,) = read_quantization(write(tmp_path, quantized(block=128, zero_points=True)))

    assert (found.block_size, found.symmetric) == (128, False)


def test_a_quantized_embedding_is_a_group_of_its_own(tmp_path: Path) -> None:
    found = read_quantization(write(tmp_path, quantized(), embedding()))

    assert {group.operator for group in found} == {"MatMulNBits", "GatherBlockQuantized"}


def test_a_matmul_left_in_floating_point_shows_beside_quantized_ones(tmp_path: Path) -> None:
    found = read_quantization(write(tmp_path, quantized(), quantized(), matmul()))

    assert found[-1] == Quantization(32, 0, 0, True, 1, "MatMul")


@pytest.mark.parametrize(
    ("nodes", "dtype", "precision"),
    [
        ([quantized(4), quantized(4), quantized(8)], numpy.float32, Precision.INT4),
        ([quantized(8), quantized(8), quantized(4)], numpy.float32, Precision.INT8),
        ([quantized(2)], numpy.float32, None),
        ([matmul()], numpy.float32, Precision.FP32),
        ([matmul()], numpy.float16, Precision.FP16),
    ],
)
def test_the_precision_is_that_of_most_weights(
    nodes: list[onnx.NodeProto], dtype: type, precision: Precision | None, tmp_path: Path
) -> None:
    assert read_graph(write(tmp_path, *nodes, dtype=dtype)).precision is precision


def test_a_graph_in_a_folder_below_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    write(tmp_path / "onnx", quantized(8))

    assert read_graph(tmp_path).precision is Precision.INT8


def test_a_folder_without_graph_has_no_precision(tmp_path: Path) -> None:
    assert read_graph(tmp_path).precision is None


def test_what_is_no_graph_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\xff\xff not a graph")

    with pytest.raises(BuildError, match=r"expected an ONNX graph, found other content: .*onnx"):
        read_graph(tmp_path)
