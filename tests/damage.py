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


def forget_merges(folder: Path, kept: float = 0.5) -> None:
    """A part of what the tokenizer learned to put together: the same text in more tokens."""

    def cut(tokenizer: dict[str, Any]) -> None:
        merges = tokenizer["model"]["merges"]
        del merges[int(len(merges) * kept) :]

    _edit_tokenizer(folder, cut)


def exchange_tokens(folder: Path, one: str, other: str) -> None:
    """Two tokens in each other's place: whatever is said of the one is done to the other."""

    def exchange(tokenizer: dict[str, Any]) -> None:
        ids = tokenizer["model"]["vocab"]
        ids[one], ids[other] = ids[other], ids[one]

    _edit_tokenizer(folder, exchange)


def flag_added_token(folder: Path, name: str, flag: str) -> None:
    """Turns one property of an added token round."""

    def turn(tokenizer: dict[str, Any]) -> None:
        [token] = [it for it in tokenizer["added_tokens"] if it["content"] == name]
        token[flag] = not token[flag]

    _edit_tokenizer(folder, turn)


def replace_stage(folder: Path, stage: str, value: object) -> None:
    """Another normalizer, pre-tokenizer, decoder or post-processor, or none."""
    _edit_tokenizer(folder, lambda tokenizer: tokenizer.update({stage: value}))


def comment_template(folder: Path) -> None:
    """A template that says more and renders the same."""
    path = folder / "chat_template.jinja"
    text = path.read_text(encoding="utf-8")
    path.write_text("{# what each turn looks like -#}\n" + text, encoding="utf-8")


def search(folder: Path, **settings: object) -> None:
    """Other settings for callers that set none."""
    path = folder / "genai_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["search"].update(settings)
    path.write_text(json.dumps(config), encoding="utf-8")


def write_anew(folder: Path) -> None:
    """The same JSON, written otherwise."""
    for name in ("genai_config.json", "tokenizer.json", "tokenizer_config.json"):
        document = json.loads((folder / name).read_text(encoding="utf-8"))
        text = json.dumps(document, indent=5, sort_keys=True)
        (folder / name).write_text(text, encoding="utf-8")


def set_attribute(folder: Path, name: str, value: float, layers: int | None = None) -> None:
    """One attribute of the graph's nodes, of the first few that have it or of all."""
    import onnx

    path = folder / "model.onnx"
    model = onnx.load(path, load_external_data=False)
    found = [it for node in model.graph.node for it in node.attribute if it.name == name]
    for attribute in found[:layers]:
        if attribute.type == onnx.AttributeProto.FLOAT:
            attribute.f = value
        else:
            attribute.i = int(value)
    onnx.save(model, path)


def turn_by_another_base(folder: Path, factor: float, base: float = 10_000.0) -> None:
    """RoPE caches of another base: the same power everywhere, other angles."""
    import numpy as np

    def turned(turn: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def remake(cache: Any) -> Any:
            rows, pairs = cache.shape
            frequencies = (base * factor) ** (-np.arange(pairs) / pairs)
            return turn(np.outer(np.arange(rows), frequencies))

        return remake

    _edit_rope(folder, ("cos_cache",), turned(np.cos))
    _edit_rope(folder, ("sin_cache",), turned(np.sin))


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


def share_the_short_cache(folder: Path) -> None:
    """Long prompts are turned as short ones are, in a graph that has caches for both."""
    import onnx
    from onnx import numpy_helper

    path = folder / "model.onnx"
    model = onnx.load(path)
    for node in model.graph.node:
        branches = [it.g for it in node.attribute if node.op_type == "If"]
        held = {it.name: it for branch in branches for it in _held(branch)}
        for part in ("cos_cache", "sin_cache"):
            if f"{part}_large" in held:
                large, small = held[f"{part}_large"], held[f"{part}_small"]
                rows = numpy_helper.to_array(large).shape[0]
                short = numpy_helper.to_array(small)
                short = short.repeat(-(-rows // len(short)), axis=0)[:rows]
                name = large.name
                large.CopyFrom(numpy_helper.from_array(short, name))
    onnx.save(model, path)


def _held(branch: Any) -> list[Any]:
    """Tensors of a subgraph, under the names of what gives them."""
    found = list(branch.initializer)
    for node in branch.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            attribute.t.name = node.output[0]
            found.append(attribute.t)
    return found
