"""A checkpoint made from a GGUF file, once: what Olive builds from and all else is compared with.

A model that exists as GGUF alone is dequantized: its weights are what the file's rounding left of
them, and it is these that variants are held against.
"""

from contextlib import suppress
from pathlib import Path

from harness.builders.base import Progress
from harness.builders.build_process import BuildProcess
from harness.builders.cache import Cache
from harness.builders.failure import restore
from harness.builders.key import installed, key_of
from harness.errors import BuildError, ConfigError, InfrastructureError
from harness.store import digest_file, digest_files, digest_of, read_json, write_json

SUFFIX = ".gguf"

_WORKER = "harness.builders.gguf_worker"
_DEADLINE_SECONDS = 3600.0
_PACKAGES = ("transformers", "torch", "tokenizers", "gguf", "accelerate")
_NEEDED = ("transformers", "torch", "gguf", "accelerate")
_CHECKPOINT = "checkpoint"
_RECORD = "source.json"
_MAGIC = b"GGUF"


def is_gguf(path: Path) -> bool:
    """Whether a model's path names a GGUF file, and no folder of a checkpoint."""
    return path.suffix.lower() == SUFFIX


def checkpoint_of(path: Path, root: Path, progress: Progress, worker: str = _WORKER) -> Path:
    """The folder of a GGUF's checkpoint below `root`, made where it is not there whole.

    Raises ConfigError for what is no GGUF or not of a kind that is known, InfrastructureError where
    packages are missing, BuildError where it cannot be made of it.
    """
    require_gguf(path)
    made_from: dict[str, object] = {
        "gguf": digest_file(path),
        "code": digest_file(Path(__file__).with_name("gguf_worker.py")),
        "packages": {name: installed(name) for name in _PACKAGES},
    }
    entry = root.absolute() / key_of(made_from)
    if not _is_whole(entry):
        _require_packages()
        _make(path.absolute(), entry, made_from, progress, worker)
    with suppress(OSError):
        (entry / _RECORD).touch()  # when it was last used
    return entry / _CHECKPOINT


def require_gguf(path: Path) -> None:
    """Raise ConfigError where a file cannot be read, or is none."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(_MAGIC))
    except OSError as error:
        raise ConfigError(f"[model] path cannot be read ({error.strerror}): {path}") from error
    if begin != _MAGIC:
        raise ConfigError(f"[model] path must be a GGUF file: {path} begins with {begin!r}")


def _require_packages() -> None:
    missing = [name for name in _NEEDED if installed(name) is None]
    if missing:
        raise InfrastructureError(
            "a checkpoint is made from a GGUF by packages that are not installed, run "
            f"pip install -e '.[build,gguf]': missing {', '.join(missing)}"
        )


def _is_whole(entry: Path) -> bool:
    try:
        record = read_json(entry / _RECORD)
        seal = record.pop("seal")
        return bool(
            seal == digest_of(record) and record["files"] == digest_files(entry / _CHECKPOINT)
        )
    except (OSError, ValueError, KeyError):
        return False


def _make(
    path: Path, entry: Path, made_from: dict[str, object], progress: Progress, worker: str
) -> None:
    with Cache(entry.parent).staging() as staging:
        staged = staging / entry.name
        staged.mkdir()
        _have_made(
            path, staged / _CHECKPOINT, BuildProcess(worker, _DEADLINE_SECONDS, staging), progress
        )
        record = {"made_from": made_from, "files": digest_files(staged / _CHECKPOINT)}
        write_json(staged / _RECORD, {**record, "seal": digest_of(record)})
        if _is_whole(entry):  # another process was first, and uses it
            return
        with suppress(FileNotFoundError):  # damaged: goes with the staging
            entry.rename(staging / "damaged")
        try:
            staged.rename(entry)
        except OSError as error:
            if not _is_whole(entry):
                raise InfrastructureError(
                    f"the checkpoint of {path.name} cannot be kept ({error.strerror}): {entry}"
                ) from error


def _have_made(path: Path, output: Path, process: BuildProcess, progress: Progress) -> None:
    is_made = False
    plan = {"source": str(path), "builds": [{"output": str(output)}]}
    for report in process.reports(plan):
        if report["event"] == "failed":
            raise restore(report["kind"], report["message"])
        is_made |= report["event"] == "built"
        progress(path.name, report.get("stage", "digesting"))
    if not is_made:
        raise BuildError(f"no checkpoint was made from {path.name}: {process.last_line()}")
