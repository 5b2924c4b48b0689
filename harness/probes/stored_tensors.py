"""Reads which tensors a folder's graphs store as floating-point numbers; no weights are loaded."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from harness.metrics.stored_tensors import StoredTensor

_KINDS = {1: ("fp32", 32), 10: ("fp16", 16), 11: ("fp64", 64), 16: ("bf16", 16)}  # of TensorProto
_QUANTIZED = ("MatMulNBits", "GatherBlockQuantized", "DequantizeLinear", "QMoE")
_SAME_VALUES = ("Reshape", "Transpose", "Cast", "Identity")
_CACHES = ("cos_cache", "sin_cache")


def read_stored_tensors(directory: Path) -> tuple[StoredTensor, ...]:
    """The weights that are not quantized, in every graph below a folder.

    What quantized ones are scaled by is none, and RoPE caches are none. A file that is no graph
    has none either, which other checks say.
    """
    graphs = (_load(path) for path in sorted(directory.rglob("*.onnx")))
    return tuple(it for graph in graphs if graph is not None for it in _stored(graph))


def _load(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(path, load_external_data=False).graph
    except (OSError, DecodeError):
        return None


def _stored(graph: Any) -> Iterator[StoredTensor]:
    scales = _scales(graph)
    for tensor in graph.initializer:
        is_weight = tensor.name not in scales and not any(it in tensor.name for it in _CACHES)
        if tensor.data_type in _KINDS and is_weight:
            kind, bits = _KINDS[tensor.data_type]
            yield StoredTensor(tensor.name, kind, bits, prod(tensor.dims) * bits // 8)


def _scales(graph: Any) -> set[str]:
    """Names of the scales and zero points of what is quantized, also by way of another shape."""
    made_of = {it.output[0]: it.input[0] for it in graph.node if it.op_type in _SAME_VALUES}
    first = {"DequantizeLinear": 1}
    used = {
        name
        for node in graph.node
        if node.op_type in _QUANTIZED
        for name in node.input[first.get(node.op_type, 2) :]
    }
    return used | {made_of[name] for name in used if name in made_of}
