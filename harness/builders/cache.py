"""The cache of finished variants: an entry is whole and proven, or it is not there."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import BuildError, InfrastructureError
from harness.store import digest_files, digest_of, read_json, write_json
from harness.variant import Quantization, Recipe, Variant

_RECORD = "variant.json"
_MODEL = "model"
_STAGING = ".staging-"
_ATTEMPTS = 3  # another process may put its own there between looking and renaming


@dataclass(frozen=True, slots=True)
class Staged:
    """A folder that was built beside the cache, with what is known of it."""

    directory: Path  # holds the variant's files in its subfolder `model`
    made_from: Mapping[str, object]
    quantization: tuple[Quantization, ...]
    build_seconds: float

    @property
    def model(self) -> Path:
        """The onnxruntime-genai folder."""
        return self.directory / _MODEL


@dataclass(frozen=True, slots=True)
class Cache:
    """Finished variants by key, below one directory that any number of processes share.

    There is no lock: an entry appears by one rename, with its record written before, and who comes
    second finds it and uses it.
    """

    root: Path

    def find(self, key: str, recipe: Recipe) -> Variant | None:
        """The entry as a variant, or None where it is missing or any file of it was changed."""
        directory = self.root / key
        try:
            record = read_json(directory / _RECORD)
            files = digest_files(directory / _MODEL)
            if record.pop("seal") != digest_of(record) or record["files"] != files:
                return None
        except (OSError, ValueError, KeyError):
            return None
        with suppress(OSError):
            (directory / _RECORD).touch()  # when it was last used
        quantization = tuple(Quantization(**group) for group in record["quantization"])
        return Variant(recipe, directory / _MODEL, files, digest_of(files), quantization)

    def admit(self, key: str, recipe: Recipe, staged: Staged) -> Variant:
        """Make what was staged the entry of this key, and return it as a variant.

        Raises BuildError where the staged folder is no onnxruntime-genai folder.
        """
        _require_artefact(staged.model)
        files = digest_files(staged.model)
        record = {
            "schema": 1,
            "made_from": dict(staged.made_from),
            "files": files,
            "quantization": [asdict(group) for group in staged.quantization],
            "build_seconds": staged.build_seconds,
        }
        write_json(staged.directory / _RECORD, {**record, "seal": digest_of(record)})
        variant = self._move(key, recipe, staged)
        return variant or Variant(
            recipe,
            self.root / key / _MODEL,
            files,
            digest_of(files),
            staged.quantization,
            staged.build_seconds,
        )

    def _move(self, key: str, recipe: Recipe, staged: Staged) -> Variant | None:
        """Rename into place; the variant of another process where that one was first."""
        entry = self.root / key
        for _ in range(_ATTEMPTS):
            with suppress(OSError):
                staged.directory.rename(entry)
                return None
            if (variant := self.find(key, recipe)) is not None:
                return variant
            with suppress(FileNotFoundError):  # damaged: moved to where it goes with the staging
                entry.rename(staged.directory.with_name(f"{staged.directory.name}-damaged"))
        raise InfrastructureError(
            f"a damaged cache entry cannot be replaced, remove it by hand: {entry}"
        )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A fresh directory on the cache's file system, gone at the end whatever happens."""
        prefix = f"{_STAGING}{_host()}-{os.getpid()}-"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._sweep()
            directory = Path(tempfile.mkdtemp(dir=self.root, prefix=prefix))
        except OSError as error:
            raise InfrastructureError(
                f"the cache must be a directory that can be written ({error.strerror}): {self.root}"
            ) from error
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what processes of this machine left that were killed while they built."""
        for directory in self.root.glob(f"{_STAGING}{_host()}-*"):
            process = int(directory.name.split("-")[2])
            if not _is_running(process):
                shutil.rmtree(directory, ignore_errors=True)


def _require_artefact(model: Path) -> None:
    if not (model / "genai_config.json").is_file():
        raise BuildError("Olive finished without a model: genai_config.json was not written")
    if not any(model.glob("*.onnx")):
        raise BuildError("Olive finished without a model: no .onnx file was written")


def _host() -> str:
    return "".join(letter for letter in platform.node() if letter.isalnum()) or "host"


def _is_running(process: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(process))
