"""The process that makes a checkpoint from a GGUF file, by transformers.

``python -m harness.builders.gguf_worker``, with the plan and the reports of
`harness.builders.olive_worker`; the source of the plan is the file.
"""

from pathlib import Path
from typing import Any

from harness.builders.olive_worker import Report, serve
from harness.errors import ConfigError

_DIGITS_ALONE = (
    "smollm",
    "starcoder",
    "refact",
    "command-r",
    "codeshell",
    "exaone",
    "minerva-7b",
)
"""`tokenizer.ggml.pre` of those that split every digit off before GPT-2's pattern, which
transformers does not read (llama.cpp, src/llama-vocab.cpp).
"""
_GPT_2 = "gpt-2"  # what transformers makes of all that its own table does not name
_CONTROL = (3, 4)  # types of tokens that stand for no text: control, and what users defined
_BLANK = "\u2581"  # of SentencePiece
_SCALED = ("rope_freqs", "rope_factors")  # tensors that transformers passes over


def make_checkpoint(build: dict[str, Any], source: Path, report: Report) -> None:
    """A folder as transformers saves it; whatever is raised becomes a report."""
    import torch
    import transformers

    place = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    output = Path(build["output"])
    fields = _fields(source)
    report("stage", {"stage": "reading its tokenizer"})
    tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
    if fields.get("tokenizer.ggml.model") == "gpt2":  # SentencePiece splits nothing before
        _split(tokenizer, str(fields.get("tokenizer.ggml.pre", "")))
    _require_same_tokens(tokenizer, fields)
    report("stage", {"stage": "dequantizing"})
    model, loaded = transformers.AutoModelForCausalLM.from_pretrained(
        **place,
        quantization_config=transformers.GgufConfig(dequantize=True),
        dtype=torch.float32,
        output_loading_info=True,
    )
    _require_all_weights(loaded)
    model.hf_quantizer = None  # or it saves what it read, and not what is there now
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    report("stage", {"stage": "writing the checkpoint"})
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    report("built", {})


def _fields(source: Path) -> dict[str, Any]:
    """What the file says of its tokenizer; ConfigError for what transformers would pass over."""
    from gguf import GGUFReader

    reader = GGUFReader(source)
    scaled = [name for name in reader.fields if ".rope.scaling." in name]
    types = [str(reader.fields[name].contents()) for name in scaled if name.endswith(".type")]
    scaled = [] if types == ["none"] else scaled
    scaled += [it.name for it in reader.tensors if it.name.startswith(_SCALED)]
    if scaled:
        raise ConfigError(
            "the scaled rotations of the GGUF cannot be taken over, name the checkpoint as [model] "
            f"path: found {scaled[0]}"
        )
    wanted = [f"tokenizer.ggml.{what}" for what in ("model", "pre", "tokens", "token_type")]
    return {name: reader.fields[name].contents() for name in wanted if name in reader.fields}


def _require_all_weights(loaded: dict[str, Any]) -> None:
    """What is missing would be drawn at random, and transformers only warns."""
    lacking = [*loaded.get("missing_keys", ()), *map(str, loaded.get("mismatched_keys", ()))]
    if lacking:
        raise ConfigError(
            f"the GGUF must hold all weights of the model, in one file: {len(lacking)} are missing "
            f"or of another shape, {lacking[0]} first"
        )


def _split(tokenizer: Any, pre: str) -> None:
    """Split text before it is merged as llama.cpp does; ConfigError where that is not known."""
    from tokenizers import pre_tokenizers
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    if pre in _DIGITS_ALONE:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
    elif pre != _GPT_2 and pre not in GGUF_PRE_TOKENIZER_SPLITS:
        raise ConfigError(
            "how the GGUF splits text cannot be taken over, name the checkpoint as [model] path: "
            f"found tokenizer.ggml.pre {pre!r}"
        )


def _require_same_tokens(tokenizer: Any, fields: dict[str, Any]) -> None:
    """Every id of the file must be the same token here, or every answer would be another one.

    A token of text may be missing (unused ones are), one of control may not. SentencePiece writes
    a blank as a mark of its own, and llama.cpp's converter a blank in what users defined.
    """
    tokens = fields.get("tokenizer.ggml.tokens", [])
    types = fields.get("tokenizer.ggml.token_type", [1] * len(tokens))
    known = tokenizer.get_vocab()
    if fields.get("tokenizer.ggml.model") == "llama":
        tokens = [it if it in known else it.replace(" ", _BLANK) for it in tokens]
    off = [
        token
        for at, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if known.get(token, -1 if kind in _CONTROL else at) != at
    ]
    missing = [token for token in tokens if token not in known]
    if off or len(missing) > len(tokens) // 100:
        raise ConfigError(
            "the tokenizer of the GGUF cannot be taken over, name the checkpoint as [model] path: "
            f"{len(off)} of {len(tokens)} tokens have other ids and {len(missing)} are missing, "
            f"{(off or missing)[0]!r} first"
        )


if __name__ == "__main__":
    serve(make_checkpoint)
