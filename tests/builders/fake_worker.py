"""A build process with everything but Olive: what is built, and how it ends, is in the name."""

import errno
import os
import signal
from pathlib import Path
from typing import Any

from harness.builders.olive_worker import Report, serve


def build(order: dict[str, Any], source: Path, report: Report) -> None:
    name, output = order["recipe"]["name"], Path(order["output"])
    report("stage", {"stage": "building"})
    with (source.parent / "tries").open("a") as tries:
        tries.write(f"{name}\n")
    if name == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if name == "empty":
        report("built", {"quantization": [], "seconds": 0.0})
        return
    output.mkdir(parents=True)
    (output / "genai_config.json").write_text("{}")
    if name == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "leaves":
        os._exit(0)
    if name == "hangs":
        report("stage", {"stage": f"process {os.getpid()}"})
        signal.pause()
    if name == "raises":
        raise RuntimeError("two\nlines")
    (output / "model.onnx").write_text(str(order["recipe"]["block_size"]))
    report("built", {"quantization": [], "seconds": 1.5})


if __name__ == "__main__":
    serve(build)
