"""Reads the weights of a Hugging Face checkpoint, a few rows at a time and without torch."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from harness.errors import ConfigError
from harness.metrics.weight_names import Piece
from harness.metrics.weights import Floats

_INDEX = "model.safetensors.index.json"
_FLOATS = ("F64", "F32", "F16", "BF16")
_WIDE = ("F64", "F32")
_ROUNDING = {"float16": 2.0**-11, "bfloat16": 2.0**-8}


class Checkpoint:
    """The safetensors files of a directory, mapped into memory; a context manager.

    Raises ConfigError for a file that is not one.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open = ExitStack()
        self._files = [self._opened(path) for path in _weight_files(directory)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every tensor by name; empty where the directory holds no safetensors."""
        return {
            name: tuple(slices.get_shape())
            for name, slices in self._slices.items()
            if slices.get_dtype() in _FLOATS
        }

    @cached_property
    def rounding(self) -> float:
        """What a weight loses, as a share of its size, where it is stored wider than the
        configuration says that it is to be loaded; 0 where it is not.
        """
        path = self._directory / "config.json"
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        is_wide = any(it.get_dtype() in _WIDE for it in self._slices.values())
        kinds = [config.get(key) for key in ("dtype", "torch_dtype")]
        return max((_ROUNDING.get(str(kind), 0.0) for kind in kinds), default=0.0) * is_wide

    def rows(self, pieces: Sequence[Piece], first: int, end: int) -> Floats:
        """Rows of the pieces one below the other, (rows, columns); a vector is one column."""
        found, start = [], 0
        for piece in pieces:
            size = piece.end - piece.first
            low, high = max(first - start, 0), min(end - start, size)
            if low < high:
                part = self._slices[piece.name][piece.first + low : piece.first + high]
                found.append(np.asarray(part, np.float32))
            start += size
        whole = found[0] if len(found) == 1 else np.concatenate(found)
        return whole.reshape(len(whole), -1)

    def is_zero(self, name: str) -> bool:
        """Whether a tensor is a vector of zeros, a bias that does nothing and may be left out."""
        return len(self.shapes[name]) == 1 and not np.any(np.asarray(self._slices[name][:]))

    def _opened(self, path: Path) -> Any:
        import ml_dtypes  # noqa: F401  gives NumPy its bfloat16
        from safetensors import SafetensorError, safe_open

        try:
            return self._open.enter_context(safe_open(path, framework="np"))
        except SafetensorError as error:
            raise ConfigError(
                f"[model] path must hold safetensors files that are whole ({error}): found {path}"
            ) from error

    @cached_property
    def _slices(self) -> dict[str, Any]:
        return {name: file.get_slice(name) for file in self._files for name in list(file.keys())}


def _weight_files(directory: Path) -> list[Path]:
    """The files that the index names, or all that there are where it is not."""
    index = directory / _INDEX
    if index.is_file():
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return [directory / name for name in sorted(set(named))]
    return sorted(directory.glob("*.safetensors"))
