"""Damages the weights in a copy of a variant's folder on purpose; sizes and shapes stay the same.

A layer is named by part of its node's name, "layers.1/mlp/down_proj". What is edited is written
where it stood, in the graph or in the file beside it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DOWN = "layers.1/mlp/down_proj"
FIRST_DOWN = "layers.0/mlp/down_proj"
OUTPUT = "lm_head"
WEIGHTS, SCALES, ZERO_POINTS = 1, 2, 3
"""Inputs of a MatMulNBits node."""

Array = NDArray[Any]


def zero_scales(folder: Path, layer: str = FIRST_DOWN) -> None:
    """A layer that gives nothing (onnxruntime-genai issue 1450): the model repeats itself."""
    edit(folder, layer, SCALES, np.zeros_like)


def zero_blocks(folder: Path, count: int = 64, layer: str = DOWN) -> None:
    """A few blocks corrupted: nine answers of ten are the same, as many are right."""

    def zero_some(scales: Array) -> Array:
        scales.flat[np.random.default_rng(1).choice(scales.size, count, replace=False)] = 0
        return scales

    edit(folder, layer, SCALES, zero_some)


def zero_rows(folder: Path, count: int = 2, factor: float = 0.0, layer: str = DOWN) -> None:
    """Some rows are gone, or another number of times as large."""

    def scale_some(scales: Array) -> Array:
        scales[100 : 100 + count] *= factor
        return scales

    edit(folder, layer, SCALES, scale_some)


def blur_scales(folder: Path, deviation: float = 0.02) -> None:
    """Every block a little too large or too small, each in its own way."""
    random = np.random.default_rng(1)
    for name in layers(folder):
        noise = lambda scales: scales * (1 + random.normal(0, deviation, scales.shape))  # noqa: E731
        edit(folder, name, SCALES, noise)


def zero_one_block(folder: Path) -> None:
    """One block of many thousand, which no user can tell."""
    zero_blocks(folder, 1)


def spoil_logits(folder: Path) -> None:
    """One scale of the output layer that is not a number (onnxruntime-genai issue 2444)."""
    edit(folder, OUTPUT, SCALES, lambda scales: _with(scales, scales.size // 2, np.nan))


def overflow(folder: Path) -> None:
    """One infinite scale (onnxruntime issue 26732)."""
    edit(folder, DOWN, SCALES, lambda scales: _with(scales, scales.size // 2, np.inf))


def requantize_to_3_bits(folder: Path, part: str = "") -> None:
    """Every second level only, in layers whose name has `part` (Olive issue 1841)."""

    def every_second(packed: Array) -> Array:
        levels = np.stack([packed & 15, packed >> 4]).astype(np.int16) - 8
        levels = np.clip(2 * np.rint(levels / 2), -8, 6).astype(np.int16) + 8
        return (levels[0] | levels[1] << 4).astype(np.uint8)

    for name in layers(folder):
        if part in name:
            edit(folder, name, WEIGHTS, every_second)


def punch_hole(folder: Path, at: float = 0.5, size: int = 4096) -> None:
    """Zeros in a file of full length (Foundry-Local issue 909), from a share of it on."""
    path = folder / "model.onnx.data"
    with path.open("r+b") as file:
        file.seek(int(path.stat().st_size * at) // size * size)
        file.write(bytes(size))


def swap_rows(folder: Path, layer: str = DOWN, rows: tuple[int, int] = (3, 200)) -> None:
    """Two output channels in each other's place, weights and scales."""

    def swap(values: Array) -> Array:
        values[list(rows)] = values[list(rows[::-1])]
        return values

    for part in (WEIGHTS, SCALES):
        edit(folder, layer, part, swap)


def flip_exponent(folder: Path, layer: str = DOWN) -> None:
    """One bit of one scale: its block is sixteen times as large."""
    edit(folder, layer, SCALES, lambda scales: _with(scales, 100, scales.flat[100] * 16))


def shift_rows(folder: Path, layer: str = OUTPUT) -> None:
    """Every token has its neighbour's row, in the output layer and the embedding tied to it."""
    for part in (WEIGHTS, SCALES):
        edit(folder, layer, part, lambda values: np.roll(values, 1, axis=0))


def shift_embedding(folder: Path) -> None:
    """The same of an embedding in floating point."""
    edit_tensor(folder, "model.embed_tokens.weight", lambda values: np.roll(values, 1, axis=0))


def shift_zero_points(folder: Path, layer: str = DOWN) -> None:
    """Zero points of a whole layer off by one; where a variant stores none, its levels are."""
    if len(layers(folder)[_whole(folder, layer)]) > ZERO_POINTS:
        edit(folder, layer, ZERO_POINTS, lambda packed: packed ^ 0x11)
    else:
        edit(folder, layer, WEIGHTS, _one_level_up)


def swap_nibbles(folder: Path, layer: str = DOWN) -> None:
    """High and low halves in the wrong order, as another packing has them."""
    edit(folder, layer, WEIGHTS, lambda packed: packed >> 4 | packed << 4)


def scramble_block(folder: Path, layer: str = OUTPUT) -> None:
    """One row of the output layer, a token that few answers need, has its blocks swapped."""

    def swap(values: Array) -> Array:
        values[1500, :2] = values[1500, 1::-1]
        return values

    for part in (WEIGHTS, SCALES):
        edit(folder, layer, part, swap)


def enlarge_scales(folder: Path, factor: float = 1.1) -> None:
    """All scales a little too large."""
    for name in layers(folder):
        edit(folder, name, SCALES, lambda scales: scales * factor)


def forget_norm(folder: Path, name: str = "model.layers.1.input_layernorm.weight") -> None:
    """A normalization as it was before the training."""
    edit_tensor(folder, name, np.ones_like)


def forget_bias(folder: Path, name: str = "model.layers.1.attn.qkv_proj.Add.bias") -> None:
    """A bias that was left out."""
    edit_tensor(folder, name, np.zeros_like)


def repeat_layer(folder: Path, kind: str = "mlp/up_proj") -> None:
    """A layer that has another layer's weights."""
    for part in (WEIGHTS, SCALES):
        values = read_tensor(folder, layers(folder)[_whole(folder, f"layers.0/{kind}")][part])
        edit(folder, f"layers.1/{kind}", part, lambda _, values=values: values)


def layers(folder: Path) -> dict[str, list[str]]:
    """Names of the quantized MatMul nodes, with the names of their inputs."""
    import onnx

    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    return {node.name: list(node.input) for node in graph.node if node.op_type == "MatMulNBits"}


def edit(folder: Path, layer: str, part: int, change: Callable[[Array], Array]) -> None:
    """Change one input of a quantized layer."""
    edit_tensor(folder, layers(folder)[_whole(folder, layer)][part], change)


def read_tensor(folder: Path, name: str) -> Array:
    """The values of a tensor of the graph."""
    from onnx import numpy_helper

    _, tensor = _find(folder, name)
    return numpy_helper.to_array(tensor, base_dir=str(folder)).copy()


def edit_tensor(folder: Path, name: str, change: Callable[[Array], Array]) -> None:
    """Change the values of a tensor, neither its type nor its shape."""
    import onnx

    model, tensor = _find(folder, name)
    before = read_tensor(folder, name)
    after = np.ascontiguousarray(change(before.copy()), before.dtype).reshape(before.shape)
    place = {entry.key: entry.value for entry in tensor.external_data}
    if place:
        with (folder / place["location"]).open("r+b") as file:
            file.seek(int(place.get("offset", 0)))
            file.write(after.tobytes())
    else:
        tensor.raw_data = after.tobytes()
        onnx.save(model, folder / "model.onnx")


def _find(folder: Path, name: str) -> tuple[Any, Any]:
    import onnx

    model = onnx.load(folder / "model.onnx", load_external_data=False)
    return model, next(it for it in model.graph.initializer if it.name == name)


def _whole(folder: Path, part: str) -> str:
    return next(name for name in layers(folder) if part in name)


def _with(values: Array, at: int, value: float) -> Array:
    values.flat[at] = value
    return values


def _one_level_up(packed: Array) -> Array:
    low, high = np.minimum((packed & 15) + 1, 15), np.minimum((packed >> 4) + 1, 15)
    return low | high << 4
