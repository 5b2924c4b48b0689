"""Reads the weights of an ONNX graph, dequantized, a few rows at a time from mapped files."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import LoadError
from harness.metrics.weights import Bytes, Floats, Format, dequantized, unpacked

_FLOATS = {
    1: Format("fp32", relative=2.0**-23),
    10: Format("fp16", relative=2.0**-11, absolute=1e-7),  # Olive's fp16 has nothing smaller
    16: Format("bf16", relative=2.0**-8),
    11: Format("fp64", relative=2.0**-23),
}
_NUMPY = {1: "<f4", 10: "<f2", 11: "<f8", 16: "<u2", 2: "u1", 3: "u1", 21: "u1", 22: "u1"}
_FLOAT16, _UINT8, _INT8, _UINT4, _INT4 = 10, 2, 3, 21, 22
_INTEGERS = (_UINT8, _INT8, _UINT4, _INT4)
_WIDTHS = (2, 4, 8)
_QUANTIZED = {"MatMulNBits": 1, "GatherBlockQuantized": 0}  # and the input that holds the levels
_ORDER = 4  # the input of MatMulNBits that puts columns into another order (g_idx)
_PRODUCTS = ("MatMul", "Gemm")
_SAME_VALUES = ("Reshape", "Transpose", "Cast", "Identity")
_COSINES, _SINES = "cos_cache", "sin_cache"
_LEAST = 16  # smaller tensors are constants of the graph, not weights
_HALF_SCALE = 2.0**-25  # what the smallest fp16 scale may be off

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class FloatWeight:
    """A tensor that is stored as numbers, `values` in the source's orientation."""

    name: str
    format: Format
    values: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns; a vector is one column."""
        return (self.values.shape[0], prod(self.values.shape[1:]))

    def rows(self, first: int, end: int) -> Floats:
        """Some rows, (rows, columns)."""
        values = self.values[first:end]
        if self.format.name == "bf16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        return np.asarray(values, np.float32).reshape(len(values), -1)


@dataclass(frozen=True, slots=True)
class BlockWeight:
    """A tensor that is stored as levels, scales and zero points, each row's blocks in order.

    `levels` is (rows, blocks, packed bytes); `scales` is (rows, blocks); `zero_points` is (rows,
    packed bytes), floating-point (rows, blocks), or None for the middle level.
    """

    name: str
    format: Format
    columns: int
    levels: Array
    scales: Array
    zero_points: Array | None = None
    is_signed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, without what pads the last block."""
        return (len(self.levels), self.columns)

    def rows(self, first: int, end: int) -> Floats:
        """Some rows, dequantized, (rows, blocks * block size)."""
        levels = self._unpacked(self.levels[first:end])
        scales = np.asarray(self.scales[first:end], np.float32)
        return dequantized(levels, scales, self._zero_points(first, end, scales.shape[1]))

    def _zero_points(self, first: int, end: int, blocks: int) -> Floats:
        bits = self.format.bits
        if self.zero_points is None:
            return np.full((end - first, blocks), 2 ** (bits - 1), np.float32)
        found = self.zero_points[first:end]
        if found.dtype == np.uint8:
            found = self._unpacked(found)[:, :blocks]
        return np.asarray(found, np.float32)

    def _unpacked(self, packed: Array) -> Bytes:
        """Levels from 0 on; two's complement is moved up by the middle level."""
        levels = unpacked(np.asarray(packed), self.format.bits)
        return levels ^ np.uint8(2 ** (self.format.bits - 1)) if self.is_signed else levels


Weight = FloatWeight | BlockWeight


@dataclass(frozen=True, slots=True)
class GraphWeights:
    """The weights of a graph; `unread` names those that are stored in a way not known here, with
    their number of values, and `rotations` holds RoPE caches as (cosines, sines).
    """

    weights: tuple[Weight, ...]
    rotations: tuple[tuple[FloatWeight, FloatWeight], ...] = ()
    unread: tuple[tuple[str, int], ...] = ()


def read_weights(directory: Path) -> GraphWeights:
    """The weights of every graph in a folder and below it; nothing is loaded before its rows are
    asked for.

    Raises LoadError where a file is missing, too short, or holds no graph.
    """
    graphs = [_Reader(path) for path in sorted(directory.rglob("*.onnx"))]
    return GraphWeights(
        tuple(it for graph in graphs for it in graph.weights()),
        tuple(it for graph in graphs for it in graph.rotations()),
        tuple(it for graph in graphs for it in graph.unread()),
    )


class _Reader:
    """The weights of one graph; `unread` is complete once `weights` was read to its end."""

    def __init__(self, path: Path) -> None:
        graph = _load(path)
        self._folder = path.parent
        self._tensors = {it.name: it for it in (*graph.initializer, *_constants(graph))}
        self._nodes = [it for it in graph.node if it.op_type != "Constant"]
        self._made_of = {
            it.output[0]: it.input[0] for it in self._nodes if it.op_type in _SAME_VALUES
        }
        self._taken: set[str] = set()  # levels, scales and zero points

    def weights(self) -> Iterator[Weight]:
        """Quantized tensors, each once, then all others of floating-point numbers."""
        found: dict[tuple[str, ...], Any] = {}
        for operator in _QUANTIZED:  # a MatMul knows its columns, so it comes before a Gather
            for node in self._nodes:
                if node.op_type == operator:
                    found.setdefault(self._inputs(node), node)
        for inputs, node in found.items():
            yield from self._quantized(node, inputs)
        users = self._users()
        for name, tensor in self._tensors.items():
            plain = tensor.data_type in _FLOATS and name not in self._taken
            is_rotation = _COSINES in name or _SINES in name
            if plain and _size(tensor) >= _LEAST and not is_rotation:
                yield self._float(tensor, users.get(name))

    def rotations(self) -> Iterator[tuple[FloatWeight, FloatWeight]]:
        """Every cosine cache that has a sine cache of its name beside it."""
        for name, tensor in self._tensors.items():
            other = self._tensors.get(name.replace(_COSINES, _SINES))
            if _COSINES in name and other is not None and tensor.data_type in _FLOATS:
                yield self._float(tensor), self._float(other)

    def unread(self) -> Iterator[tuple[str, int]]:
        """Tensors of small whole numbers that no operator known here reads."""
        for name, tensor in self._tensors.items():
            is_small = tensor.data_type in _INTEGERS and _size(tensor) >= _LEAST
            if is_small and name not in self._taken:
                yield name, _size(tensor)

    def _users(self) -> dict[str, Any]:
        """The node that reads a tensor, a matrix product where there are several."""
        users: dict[str, Any] = {}
        for node in self._nodes:
            for name in node.input:
                if name not in users or node.op_type in _PRODUCTS:
                    users[name] = node
        return users

    def _inputs(self, node: Any) -> tuple[str, ...]:
        """Names of the tensors of levels, scales and zero points, "" where there are none."""
        names = [node.input[_QUANTIZED[node.op_type]], *_scales_of(node)]
        return tuple(self._made_of.get(name, name) for name in names)

    def _quantized(self, node: Any, inputs: tuple[str, ...]) -> Iterator[BlockWeight]:
        levels, scales, points = (self._tensors.get(name) for name in inputs)
        self._taken |= set(inputs[1:])
        if levels is None or scales is None or not _is_known(node, levels, scales, points):
            return
        self._taken.add(inputs[0])
        bits, rows = _attribute(node, "bits", 4), _rows(node, levels)
        blocks = _size(scales) // rows
        found = None if points is None else self._values(points).reshape(rows, -1)
        form = _format(bits, _attribute(node, "block_size", 0), scales, found)
        yield BlockWeight(
            inputs[0],
            form,
            _attribute(node, "K", 0) or blocks * form.block_size,
            self._values(levels).reshape(rows, blocks, -1),
            self._values(scales).reshape(rows, blocks),
            found,
            is_signed=levels.data_type == _INT4,
        )

    def _float(self, tensor: Any, user: Any = None) -> FloatWeight:
        """Turned where it is the right side of a product, as a checkpoint has it on the left."""
        values = self._values(tensor)
        operator = "" if user is None else user.op_type
        turned = operator == "MatMul" or (operator == "Gemm" and not _attribute(user, "transB", 0))
        if turned and values.ndim == 2 and user.input[1] == tensor.name:
            values = values.T
        return FloatWeight(tensor.name, _FLOATS[tensor.data_type], values)

    def _values(self, tensor: Any) -> Array:
        """The tensor's numbers, mapped where a file beside the graph holds them.

        Halves of bytes stay packed, flat; bfloat16 is its bits.
        """
        kind = np.dtype(_NUMPY[tensor.data_type])
        shape = tuple(tensor.dims)
        if tensor.data_type in (_UINT4, _INT4):
            shape = (-(-_size(tensor) // 2),)
        if not tensor.external_data:
            return _inline(tensor).view(kind).reshape(shape)
        place = {it.key: it.value for it in tensor.external_data}
        path = self._folder / place["location"]
        try:
            return np.memmap(path, kind, "r", int(place.get("offset", 0)), shape)
        except (OSError, ValueError) as error:
            raise LoadError(
                f"{path.name} must hold all of {tensor.name}, build the variant again: {error}"
            ) from error


def _load(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(path, load_external_data=False).graph
    except DecodeError as error:
        raise LoadError(f"expected an ONNX graph, found other content: {path.name}") from error


def _constants(graph: Any) -> Iterator[Any]:
    """Tensors that stand in the graph as nodes, under the names of what these give out."""
    import onnx

    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value" and _size(attribute.t) >= _LEAST:
                tensor = onnx.TensorProto()
                tensor.CopyFrom(attribute.t)
                tensor.name = node.output[0]
                yield tensor


def _inline(tensor: Any) -> Bytes:
    from onnx import numpy_helper

    held = tensor.raw_data or numpy_helper.to_array(tensor).tobytes()
    return np.frombuffer(held, np.uint8)


def _size(tensor: Any) -> int:
    return prod(tensor.dims)


def _attribute(node: Any, name: str, default: int) -> int:
    return next((it.i for it in node.attribute if it.name == name), default)


def _scales_of(node: Any) -> list[str]:
    """Inputs 2 and 3 of both operators; the last may be left out."""
    return [*node.input[2:4], ""][:2]


def _rows(node: Any, levels: Any) -> int:
    return _attribute(node, "N", 0) or int(levels.dims[0])


def _is_known(node: Any, levels: Any, scales: Any, points: Any) -> bool:
    """Whether every row's blocks stand one after the other, at a width that is known."""
    rows, bits = _rows(node, levels), _attribute(node, "bits", 4)
    reordered = len(node.input) > _ORDER and node.op_type == "MatMulNBits" and node.input[_ORDER]
    reordered = reordered or _attribute(node, "weight_prepacked", 0)  # as one GPU wants them
    by_row = _attribute(node, "gather_axis", 0) == 0 and _attribute(node, "quantize_axis", 1) == 1
    if reordered or not by_row or bits not in _WIDTHS or levels.data_type not in _INTEGERS:
        return False
    blocks, rest = divmod(_size(scales), rows)
    stored = blocks * rows * _attribute(node, "block_size", 0) * bits // 8
    held = _size(levels) // (2 if levels.data_type in (_UINT4, _INT4) else 1)
    halves = points is not None and points.data_type in (_UINT4, _INT4)
    return rest == 0 and held == stored and not (halves and blocks % 2)


def _format(bits: int, block_size: int, scales: Any, points: Array | None) -> Format:
    middle = 2 ** (bits - 1)
    symmetric = points is None
    if points is not None:
        blocks = _size(scales) // len(points)
        found = unpacked(np.asarray(points), bits) if points.dtype == np.uint8 else points
        symmetric = bool((found[:, :blocks] == middle).all())
    least = _HALF_SCALE if scales.data_type == _FLOAT16 else 1e-30
    return Format(f"int{bits}", bits, block_size, symmetric, absolute=least)
