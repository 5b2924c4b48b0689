"""Stands in for the process that reads a GGUF: writes a folder, or does what the file says."""

from pathlib import Path

from harness.builders.olive_worker import serve
from harness.errors import ConfigError

TOKENIZER = Path(__file__).parents[2] / "fixtures" / "travel" / "model" / "tokenizer.json"


def make(build, source, report):
    said = source.read_bytes()
    if said.endswith(b"refused"):
        raise ConfigError("the tokenizer is another one")
    if said.endswith(b"silent"):
        return
    report("stage", {"stage": "dequantizing"})
    output = Path(build["output"])
    output.mkdir()
    (output / "config.json").write_text('{"model_type": "fake"}')
    if said.endswith(b"words"):
        (output / "tokenizer.json").write_bytes(TOKENIZER.read_bytes())
    report("built", {})


if __name__ == "__main__":
    serve(make)
