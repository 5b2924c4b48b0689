"""Damages a copy of a variant's folder on purpose, as faults do that have reached users."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def profile_every_node(folder: Path) -> None:
    """Leaves profiling on (onnxruntime-genai issue 1114): the same text, several times slower."""
    path = folder / "genai_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    options = config["model"]["decoder"].setdefault("session_options", {})
    options["enable_profiling"] = str(folder.parent / "profile")
    path.write_text(json.dumps(config), encoding="utf-8")


def set_threads(folder: Path, count: int) -> None:
    """Ships a number of threads of its own."""
    path = folder / "genai_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["model"]["decoder"].setdefault("session_options", {})["intra_op_num_threads"] = count
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


def never_stop(folder: Path) -> None:
    """Names an ordinary token as the end of answers (onnxruntime-genai issue 1450)."""
    _edit_model(folder, lambda model: model.update(eos_token_id=5))


def forget_the_end(folder: Path) -> None:
    """Names no end of answers at all: each goes on to its limit."""
    _edit_model(folder, lambda model: model.pop("eos_token_id"))


def _edit_model(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "genai_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    edit(config["model"])
    path.write_text(json.dumps(config), encoding="utf-8")


PHI_3 = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + "
    "'<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)


def speak_phi_3(folder: Path) -> None:
    """Another family's chat template (Foundry-Local issue 1001): ordinary text, and no error."""
    (folder / "chat_template.jinja").write_text(PHI_3, encoding="utf-8")


def double_start(folder: Path) -> None:
    """The token that begins a prompt twice (onnxruntime-genai issue 1397)."""
    path = folder / "chat_template.jinja"
    template = path.read_text(encoding="utf-8")
    path.write_text("{{ '<|im_start|>' }}" + template, encoding="utf-8")


def drop_start(folder: Path) -> None:
    """The token that begins a prompt is missing (onnxruntime-genai issue 1442)."""
    path = folder / "chat_template.jinja"
    template = path.read_text(encoding="utf-8")
    first = "{{ ('' if loop.first else '<|im_start|>') + message['role']"
    path.write_text(
        template.replace("{{ '<|im_start|>' + message['role']", first), encoding="utf-8"
    )


def forget_merges(folder: Path) -> None:
    """Half of what the tokenizer learned to put together: the same text in more tokens."""

    def halve(tokenizer: dict[str, Any]) -> None:
        merges = tokenizer["model"]["merges"]
        del merges[len(merges) // 2 :]

    _edit_tokenizer(folder, halve)


def _edit_tokenizer(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    edit(tokenizer)
    path.write_text(json.dumps(tokenizer), encoding="utf-8")


def blur_rope(folder: Path, first: int = 512, deviation: float = 0.1) -> None:
    """Adds noise to the rotations from a position on (onnxruntime-genai issues 954, 1932): long
    prompts come out wrong, shorter ones bit by bit the same.
    """
    import numpy as np

    def blur(cache: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        noise = np.random.default_rng(1).normal(0, deviation, cache.shape)
        noise[:first] = 0
        return cache + noise

    _edit_rope(folder, ("cos_cache",), blur)


def cut_rope(folder: Path, rows: int = 1024) -> None:
    """Leaves rotations for fewer positions than the context has (onnxruntime-genai issue 383)."""
    _edit_rope(folder, ("cos_cache", "sin_cache"), lambda cache: cache[:rows])


def _edit_rope(folder: Path, names: tuple[str, ...], edit: Callable[[Any], Any]) -> None:
    import onnx
    from onnx import numpy_helper

    path = folder / "model.onnx"
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        if tensor.name in names:
            cache = numpy_helper.to_array(tensor, base_dir=str(folder))
            edited = edit(cache).astype(cache.dtype)
            tensor.CopyFrom(numpy_helper.from_array(edited, tensor.name))
    onnx.save(model, path)
