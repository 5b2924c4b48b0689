"""A checkpoint's tokenizer as transformers writes it anew, which is what builders do with it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

_SECONDS = 120


@contextmanager
def saved_tokenizer(source: Path) -> Iterator[Path | None]:
    """A folder with the tokenizer, for as long as the context lasts; None where there is no
    transformers or it cannot read the checkpoint's.

    It is read in a process of its own, without a network and without the checkpoint's code.
    """
    with TemporaryDirectory(prefix="tokenizer-") as folder:
        is_there = find_spec("transformers") is not None and _save(source, Path(folder))
        yield Path(folder) if is_there else None


def _save(source: Path, target: Path) -> bool:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "USE_TORCH": "0",
    }
    command = [sys.executable, "-m", "harness.probes.saved_tokenizer", str(source), str(target)]
    try:
        done = subprocess.run(
            command, capture_output=True, env=environment, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and (target / "tokenizer.json").is_file()


def _main(source: str, target: str) -> None:
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(source, local_files_only=True).save_pretrained(target)


if __name__ == "__main__":
    _main(*sys.argv[1:])
