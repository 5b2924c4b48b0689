"""Reads what an ONNX graph says of its own attention, norms and rotations; runs nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import LoadError
from harness.metrics.architecture import Attention, Graph, Norm
from harness.metrics.rotary import Cache

_GROUPED = ("GroupQueryAttention", "PagedAttention")
_ATTENTIONS = (*_GROUPED, "MultiHeadAttention", "SparseAttention")
_ROTATIONS = ("RotaryEmbedding", "MRotaryEmbedding")
_EPSILONS = {  # of root-mean-square norms, and what each operator takes where none is stated
    "SimplifiedLayerNormalization": 1e-5,
    "SkipSimplifiedLayerNormalization": 1e-12,
    "RMSNormalization": 1e-5,
}
_CACHE_INPUTS = {"GroupQueryAttention": (7, 8), "PagedAttention": (8, 9)}
_ROTATION_INPUTS = {"RotaryEmbedding": (2, 3), "MRotaryEmbedding": (2, 3)}
_SAME_VALUES = ("Cast", "Identity")
_FLOATS = {1: 2.0**-24, 10: 2.0**-11, 11: 2.0**-24, 16: 2.0**-8}  # and what each rounds by
_STEPS = 8  # from an attention's input back to what turned it
_CAP_STEPS = 4


def read_computation(path: Path) -> Graph:
    """The computation of a graph, as far as its operators are known here.

    Raises LoadError where the file holds no graph or weights that it names are not there.
    """
    return _Reader(path).graph()


class _Reader:
    """One graph; `caches` fills while attention nodes are read."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._graph = _load(path)
        self._tensors = {it.name: it for it in self._graph.initializer} | _constants(self._graph)
        self._maker = {name: node for node in self._graph.node for name in node.output if name}
        self._caches: dict[str, Cache] = {}

    def graph(self) -> Graph:
        nodes = [node for node in self._graph.node if node.op_type in _ATTENTIONS]
        return Graph(
            tuple(self._attention(node) for node in nodes),
            tuple(self._norms()),
            self._caches,
            self._final_softcap(),
        )

    def _attention(self, node: Any) -> Attention:
        has = {it.name: it for it in node.attribute}
        is_grouped = node.op_type in _GROUPED
        window = int(_value(has, "local_window_size", -1))
        caches, is_turned, is_interleaved = self._turning(node, has)
        return Attention(
            node.name or node.output[0],
            int(_value(has, "num_heads", 0)),
            int(_value(has, "kv_num_heads", 0)) if "kv_num_heads" in has else None,
            float(_value(has, "scale", 0.0)),
            max(window, 0) if is_grouped else None,
            float(_value(has, "softcap", 0.0)) if is_grouped else None,
            caches,
            is_turned,
            is_interleaved,
        )

    def _turning(self, node: Any, has: dict[str, Any]) -> tuple[tuple[str, ...], bool | None, bool]:
        """The caches, whether queries are turned (None where there is no telling), and how."""
        if _value(has, "do_rotary", 0):
            places, how = _CACHE_INPUTS.get(node.op_type, ()), _value(has, "rotary_interleaved", 0)
            turner = node
        else:
            turner = self._turner(node.input[0])
            if turner is None:
                others = any(it.op_type in _ROTATIONS for it in self._graph.node)
                others |= any(
                    it.name == "do_rotary" and it.i
                    for one in self._graph.node
                    for it in one.attribute
                )
                return (), False if others else None, False
            own = {it.name: it for it in turner.attribute}
            places, how = _ROTATION_INPUTS[turner.op_type], _value(own, "interleaved", 0)
        names = [turner.input[it] for it in places if it < len(turner.input)]
        found = self._read_caches(*names) if len(names) == 2 else ()
        return found, True if found else None, bool(how)

    def _turner(self, name: str) -> Any:
        """The node that turned a value, a few nodes back."""
        for _ in range(_STEPS):
            node = self._maker.get(name)
            if node is None or node.op_type in _ROTATIONS or not node.input:
                return node if node is not None and node.op_type in _ROTATIONS else None
            name = node.input[0]
        return None

    def _read_caches(self, cosines: str, sines: str) -> tuple[str, ...]:
        pairs = list(zip(self._tensors_of(cosines), self._tensors_of(sines), strict=False))
        for one, other in pairs:
            if one.name not in self._caches:
                values = [np.squeeze(self._values(it)) for it in (one, other)]
                if values[0].ndim != 2 or values[0].shape != values[1].shape:
                    return ()
                rounding = _FLOATS.get(one.data_type, 2.0**-8)
                self._caches[one.name] = Cache(one.name, values[0], values[1], rounding)
        return tuple(one.name for one, _ in pairs)

    def _tensors_of(self, name: str) -> list[Any]:
        """The tensor of a name, or those that the branches of an If have for it."""
        for _ in range(_STEPS):
            node = self._maker.get(name)
            if name in self._tensors or node is None:
                break
            if node.op_type == "If":
                return _of_branches(node, list(node.output).index(name))
            if node.op_type not in _SAME_VALUES:
                return []
            name = node.input[0]
        return [self._tensors[name]] if name in self._tensors else []

    def _values(self, tensor: Any) -> Any:
        from onnx import numpy_helper
        from onnx.checker import ValidationError

        try:
            return numpy_helper.to_array(tensor, base_dir=str(self._folder))
        except (ValueError, OSError, ValidationError) as error:
            raise LoadError(f"{tensor.name} cannot be read: {error}") from error

    def _norms(self) -> Iterator[Norm]:
        for node in self._graph.node:
            has = {it.name: it for it in node.attribute}
            if node.op_type in _EPSILONS:
                value = _value(has, "epsilon", _EPSILONS[node.op_type])
                yield Norm(node.name or node.output[0], float(value))
            elif "qk_norm_epsilon" in has:
                yield Norm(node.name or node.output[0], float(has["qk_norm_epsilon"].f))

    def _final_softcap(self) -> float:
        """The c of c * tanh(logits / c), 0 where the output is no such thing."""
        outputs = [it.name for it in self._graph.output]
        name = "logits" if "logits" in outputs else next(iter(outputs), "")
        for _ in range(_CAP_STEPS):
            node = self._maker.get(name)
            if node is None:
                return 0.0
            if node.op_type == "Mul":
                makers = [self._maker.get(it) for it in node.input]
                has_tanh = any(it is not None and it.op_type == "Tanh" for it in makers)
                sizes = [self._tensors[it] for it in node.input if it in self._tensors]
                return float(np.ravel(self._values(sizes[0]))[0]) if has_tanh and sizes else 0.0
            name = node.input[0] if node.input else ""
        return 0.0


def _load(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    try:
        return onnx.load(path, load_external_data=False).graph
    except (DecodeError, OSError) as error:
        raise LoadError(f"expected an ONNX graph, found none: {path.name}") from error


def _constants(graph: Any) -> dict[str, Any]:
    """Tensors that stand in a graph as nodes, under the names of what these give out."""
    import onnx

    found = {}
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                tensor = onnx.TensorProto()
                tensor.CopyFrom(attribute.t)
                tensor.name = node.output[0]
                found[tensor.name] = tensor
    return found


def _of_branches(node: Any, place: int) -> list[Any]:
    """What the branches of an If give at one of its outputs, where these are tensors of theirs."""
    found = []
    for attribute in node.attribute:
        branch = attribute.g
        tensors = {it.name: it for it in branch.initializer} | _constants(branch)
        name = branch.output[place].name
        maker = {out: it for it in branch.node for out in it.output}
        if name not in tensors and name in maker and maker[name].op_type in _SAME_VALUES:
            name = maker[name].input[0]
        if name in tensors:
            found.append(tensors[name])
    return found


def _value(has: dict[str, Any], name: str, default: float) -> float:
    """A number that an attribute holds, whole or not."""
    found = has.get(name)
    if found is None:
        return default
    return float(found.f) if found.type == 1 else float(found.i)
