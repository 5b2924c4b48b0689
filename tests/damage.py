"""Damages a copy of a variant's folder on purpose, as faults do that have reached users."""

import json
from pathlib import Path


def profile_every_node(folder: Path) -> None:
    """Leaves profiling on (onnxruntime-genai issue 1114): the same text, several times slower."""
    path = folder / "genai_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    options = config["model"]["decoder"].setdefault("session_options", {})
    options["enable_profiling"] = str(folder.parent / "profile")
    path.write_text(json.dumps(config), encoding="utf-8")


def compute_in_float(folder: Path) -> None:
    """Sets accuracy_level 0 (onnxruntime-genai issue 879): the same weights, twice as slow."""
    import onnx

    path = folder / "model.onnx"
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "MatMulNBits" and attribute.name == "accuracy_level":
                attribute.i = 0
    onnx.save(model, path)
