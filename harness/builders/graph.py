"""What an ONNX graph says of its own weights, read without loading them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import BuildError
from harness.release import Precision
from harness.variant import Quantization

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

_QUANTIZED_OPERATORS = ("MatMulNBits", "GatherBlockQuantized")
_ZERO_POINTS_INPUT = 3  # the fourth input of both operators
_FLOAT_BITS = {1: 32, 10: 16, 16: 16}  # TensorProto.FLOAT, FLOAT16, BFLOAT16
_INTEGER_PRECISION = {4: Precision.INT4, 8: Precision.INT8}
_FLOAT_PRECISION = {32: Precision.FP32, 16: Precision.FP16}


@dataclass(frozen=True, slots=True)
class Graph:
    """The precision of most weights (None where there is no telling), and every kind of node.

    A MatMul that was left in floating point is listed beside quantized ones, so that a forgotten
    output layer shows; a graph with nothing quantized has no groups.
    """

    precision: Precision | None
    quantization: tuple[Quantization, ...]


def read_graph(directory: Path) -> Graph:
    """Read every ONNX file in a folder, and below it, as one graph.

    Raises BuildError for a file that holds no ONNX graph.
    """
    groups: Counter[Quantization] = Counter()
    elements: Counter[int] = Counter()
    for path in sorted(directory.rglob("*.onnx")):
        graph = _load(path)
        groups.update(_groups(graph))
        elements.update(_float_elements(graph))
    found = tuple(replace(group, nodes=nodes) for group, nodes in groups.most_common())
    quantized = tuple(group for group in found if group.operator in _QUANTIZED_OPERATORS)
    return Graph(_precision(quantized, elements), found if quantized else ())


def read_quantization(directory: Path) -> tuple[Quantization, ...]:
    """The kinds of quantized nodes in a folder, most frequent first; BuildError as `read_graph`."""
    return read_graph(directory).quantization


def _load(path: Path) -> GraphProto:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise BuildError(f"expected an ONNX graph, found other content: {path}") from error
    return model.graph


def _groups(graph: GraphProto) -> Counter[Quantization]:
    types = {weight.name: weight.data_type for weight in graph.initializer}
    groups: Counter[Quantization] = Counter()
    for node in graph.node:
        if node.op_type in _QUANTIZED_OPERATORS:
            groups[_quantized(node)] += 1
        elif node.op_type == "MatMul" and types.get(node.input[1]) in _FLOAT_BITS:
            bits = _FLOAT_BITS[types[node.input[1]]]
            groups[Quantization(bits, 0, 0, symmetric=True, nodes=0, operator="MatMul")] += 1
    return groups


def _quantized(node: NodeProto) -> Quantization:
    attributes = {attribute.name: attribute.i for attribute in node.attribute}
    zero_points = node.input[_ZERO_POINTS_INPUT : _ZERO_POINTS_INPUT + 1]
    return Quantization(
        bits=attributes.get("bits", 4),
        block_size=attributes.get("block_size", 0),
        accuracy_level=attributes.get("accuracy_level", 0),
        symmetric=not any(zero_points),
        nodes=0,
        operator=node.op_type,
    )


def _float_elements(graph: GraphProto) -> Counter[int]:
    elements: Counter[int] = Counter()
    for weight in graph.initializer:
        if weight.data_type in _FLOAT_BITS:
            elements[_FLOAT_BITS[weight.data_type]] += prod(weight.dims)
    return elements


def _precision(quantized: tuple[Quantization, ...], elements: Counter[int]) -> Precision | None:
    nodes: Counter[int] = Counter()
    for group in quantized:
        nodes[group.bits] += group.nodes
    if nodes:
        return _INTEGER_PRECISION.get(nodes.most_common(1)[0][0])
    return _FLOAT_PRECISION[elements.most_common(1)[0][0]] if elements else None
