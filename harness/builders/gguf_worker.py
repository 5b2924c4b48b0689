"""The process that makes a checkpoint from a GGUF file, by transformers.

``python -m harness.builders.gguf_worker``, with the plan and the reports of
`harness.builders.olive_worker`; the source of the plan is the file.
"""

from pathlib import Path
from typing import Any

from harness.builders.olive_worker import Report, serve
from harness.errors import ConfigError

_DIGITS_ALONE = ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone")
"""`tokenizer.ggml.pre` of those that split every digit off before GPT-2's pattern, which
transformers does not read (llama.cpp, src/llama-vocab.cpp).
"""


def make_checkpoint(build: dict[str, Any], source: Path, report: Report) -> None:
    """A folder as transformers saves it; whatever is raised becomes a report."""
    import torch
    import transformers

    place = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    output = Path(build["output"])
    fields = _fields(source)
    report("stage", {"stage": "reading its tokenizer"})
    tokenizer = transformers.AutoTokenizer.from_pretrained(**place)
    _split_digits(tokenizer, str(fields.get("tokenizer.ggml.pre", "")))
    _require_same_tokens(tokenizer, fields.get("tokenizer.ggml.tokens", []))
    report("stage", {"stage": "dequantizing"})
    model = transformers.AutoModelForCausalLM.from_pretrained(
        **place,
        quantization_config=transformers.GgufConfig(dequantize=True),
        dtype=torch.float32,
    )
    model.hf_quantizer = None  # or it saves what it read, and not what is there now
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    report("stage", {"stage": "writing the checkpoint"})
    model.save_pretrained(output)
    tokenizer.save_pretrained(output)
    report("built", {})


def _fields(source: Path) -> dict[str, Any]:
    """What the file says of its tokenizer."""
    from gguf import GGUFReader

    wanted = ("tokenizer.ggml.pre", "tokenizer.ggml.tokens")
    found = GGUFReader(source).fields
    return {name: found[name].contents() for name in wanted if name in found}


def _split_digits(tokenizer: Any, pre: str) -> None:
    from tokenizers import pre_tokenizers

    if pre in _DIGITS_ALONE:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )


def _require_same_tokens(tokenizer: Any, tokens: list[str]) -> None:
    """Every id of the file must be the same token here, or every answer would be another one."""
    known = tokenizer.get_vocab()
    off = [token for at, token in enumerate(tokens) if known.get(token, at) != at]
    missing = [token for token in tokens if token not in known]
    if off or len(missing) > len(tokens) // 100:
        raise ConfigError(
            "the tokenizer of the GGUF cannot be taken over, name the checkpoint as [model] path: "
            f"{len(off)} of {len(tokens)} tokens have other ids and {len(missing)} are missing, "
            f"{(off or missing)[0]!r} first"
        )


if __name__ == "__main__":
    serve(make_checkpoint)
