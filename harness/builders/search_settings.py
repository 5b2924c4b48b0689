"""Settings of the source's generation that onnxruntime-genai's builder leaves out."""

import json
from pathlib import Path

from harness.metrics.generation import USUAL


def complete_search(output: Path, source: Path) -> None:
    """Write what a checkpoint's generation_config.json states into ``search`` of a finished folder.

    The builder takes sampling, temperature, top_k and top_p from there and nothing else, so a model
    that is made to be asked with a repetition penalty would be asked without.
    """
    stated_in, path = source / "generation_config.json", output / "genai_config.json"
    if not (stated_in.is_file() and path.is_file()):
        return
    stated = json.loads(stated_in.read_text(encoding="utf-8"))
    config = json.loads(path.read_text(encoding="utf-8"))
    search = config.setdefault("search", {})
    missing = {
        key: stated[key]
        for key, usual in USUAL.items()
        if stated.get(key) is not None and search.get(key, usual) != stated[key]
    }
    if missing:
        search.update(missing)
        path.write_text(json.dumps(config, indent=4), encoding="utf-8")
