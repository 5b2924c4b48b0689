"""Reads a variant's folder for the static checks: no inference, no runtime."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.metrics.packaging import Folder, Tensor
from harness.metrics.scaling import length_limits

_JSON_FILES = ("genai_config.json", "tokenizer_config.json", "tokenizer.json")
_SOURCE_FILES = ("config.json", "generation_config.json")
_CACHES = ("cos_cache", "sin_cache")


def read_folder(directory: Path, source: Path | None = None) -> Folder:
    """What the static checks look at; what cannot be read is left out and named in `unreadable`.

    `source` is the checkpoint that the variant was made from, where there is one.
    """
    documents: dict[str, dict[str, Any]] = {}
    unreadable: list[str] = []
    places = [(directory, name, name) for name in _JSON_FILES]
    if source is not None:
        places += [(source, name, f"source/{name}") for name in _SOURCE_FILES]
    for folder, name, key in places:
        if (folder / name).is_file():  # a pipe would never end
            _read_document(folder / name, key, documents, unreadable)
    return Folder(
        file_sizes(directory),
        documents,
        tuple(unreadable),
    )


def read_length_limits(directory: Path, source: Path | None = None) -> frozenset[int]:
    """Prompt lengths from which on the configurations of a variant, and of what it was made from,
    do something differently; files that cannot be read say nothing.
    """
    documents: dict[str, dict[str, Any]] = {}
    places = [directory / "genai_config.json", directory / "config.json"]
    for path in (*places, *([] if source is None else [source / "config.json"])):
        if path.is_file():
            _read_document(path, str(path), documents, [])
    return frozenset().union(*map(length_limits, documents.values()))


def read_object(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty where it cannot be read, which the folder's own check says."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def read_penalty(directory: Path) -> float:
    """The repetition penalty that a folder's genai_config.json states; 1 where it states none.

    The engine holds to it whenever it generates, greedily too, and never where it scores.
    """
    search = read_object(directory / "genai_config.json").get("search")
    found = search.get("repetition_penalty") if isinstance(search, Mapping) else None
    return float(found) if isinstance(found, int | float) and found > 0 else 1.0


def file_sizes(directory: Path) -> dict[str, int]:
    """Size in bytes of every file below a directory, by relative posix path, sorted."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.stat().st_size for path in files}


def _read_document(
    path: Path, key: str, documents: dict[str, dict[str, Any]], unreadable: list[str]
) -> None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        unreadable.append(f"{key} is not readable JSON: {error}")
        return
    if isinstance(value, dict):
        documents[key] = value
    else:
        unreadable.append(f"{key} holds no JSON object")


def external_files(model: Path) -> tuple[str, ...]:
    """Names of the files that a graph keeps its weights in, relative to its folder."""
    import onnx

    graph = onnx.load(str(model), load_external_data=False).graph
    places = {
        entry.value
        for tensor in graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return tuple(sorted(places))


def float_tensors(model: Path) -> Iterator[Tensor]:
    """Every floating-point initializer of a graph: weights, scales, RoPE caches.

    Raises ValueError where external data is too short, onnx's ValidationError where it is missing.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(model), load_external_data=False).graph
    for tensor in graph.initializer:
        if tensor.data_type in (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16):
            values = numpy_helper.to_array(tensor, base_dir=str(model.parent))
            bad = int(values.size - np.isfinite(values).sum())
            yield Tensor(tensor.name, tuple(values.shape), bad, tensor.name.endswith(_CACHES))
