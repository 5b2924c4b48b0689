"""The token that a tokenizer puts before every text, which nothing else does without a template."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.probes.folder import read_object


def read_first_token(directory: Path) -> str:
    """Its text (``<s>``), as transformers adds it to plain text; "" where it adds none.

    The template of tokenizer.json's post-processor decides. Transformers 5 heeds `add_bos_token` of
    tokenizer_config.json where there is no such file alone. What cannot be read says nothing.
    """
    path = directory / "tokenizer.json"
    if path.is_file():
        return "".join(_before_text(read_object(path).get("post_processor")))
    config = read_object(directory / "tokenizer_config.json")
    return _content(config.get("bos_token")) if config.get("add_bos_token") is True else ""


def _before_text(processor: Any) -> Iterator[str]:
    """What the first template among the stages has before the text."""
    stages = processor.get("processors", [processor]) if isinstance(processor, Mapping) else []
    templates = [it for it in stages if isinstance(it, Mapping) and "single" in it]
    for piece in templates[0]["single"] if templates else []:
        if "SpecialToken" not in piece:
            return
        yield str(piece["SpecialToken"]["id"])


def _content(token: Any) -> str:
    token = token.get("content") if isinstance(token, Mapping) else token
    return token if isinstance(token, str) else ""
