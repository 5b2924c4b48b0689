"""The context of a finished folder, where the release wants a shorter one than the source's."""

import json
from pathlib import Path

from harness.errors import ConfigError
from harness.metrics.sliding_window import window_tokens


def shorten_context(output: Path, context_tokens: int | None) -> None:
    """Write a context of so many tokens into genai_config.json; None leaves the folder alone.

    The graph stays as it is: its RoPE caches may reach further. Raises ConfigError where the source
    has no context of that length, or where the window of its attention would be cut.
    """
    path = output / "genai_config.json"
    if context_tokens is None or not path.is_file():
        return
    config = json.loads(path.read_text(encoding="utf-8"))
    model = config["model"]
    window = window_tokens(model.get("decoder", {}))
    _require_room(context_tokens, int(model["context_length"]), window)
    model["context_length"] = context_tokens
    config.setdefault("search", {})["max_length"] = context_tokens
    path.write_text(json.dumps(config, indent=4), encoding="utf-8")


def _require_room(wanted: int, context: int, window: int) -> None:
    if wanted > context:
        raise ConfigError(
            f"[model] context_tokens must not be over the source's context of {context:,}: "
            f"found {wanted:,}"
        )
    if wanted < window:  # onnxruntime-genai dies of it
        raise ConfigError(
            "[model] context_tokens must not be under the sliding window of the source's "
            f"attention, {window:,}: found {wanted:,}"
        )
