"""From a GO to a published Foundry Local package: staged, proven, and moved in by one rename."""

import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.acceptance import Chat, accept
from harness.errors import InfrastructureError, PublishError
from harness.manifest import Manifest
from harness.patience import Patience
from harness.prompt_template import undated
from harness.store import digest_files, read_json, write_json
from harness.variant import Variant

MANIFEST = "inference_model.json"
RECORD = "release.json"
SCHEMA = 1  # of RECORD
_ABANDONED_SECONDS = 3600

_UNFINISHED = "download.tmp"  # Foundry Local skips a folder that holds one


@dataclass(frozen=True, slots=True)
class Package:
    """A GO candidate's files and what its manifest will say."""

    variant: Variant
    manifest: Manifest

    def path(self, root: Path) -> Path:
        """Where it is published: ``<root>/<publisher>/<name>/v<version>``."""
        manifest = self.manifest
        return root / manifest.publisher / manifest.name / f"v{manifest.version}"


@dataclass(frozen=True, slots=True)
class Published:
    """A package in its place; `already` if it was there before with the same content."""

    model_id: str
    path: Path
    already: bool = False


def publish(
    package: Package, root: Path, chats: Sequence[Chat], patience: Patience | float = 120.0
) -> Published:
    """Stage the package beside its place, have Foundry Local accept it, and move it in.

    The place appears whole or not at all: whatever goes wrong before the rename, nothing is left.
    A version that is already published with the same content is left alone. Patience, or its
    seconds, is for the load and for each answer in Foundry Local. Raises PublishError if files
    differ from what was measured, if Foundry Local refuses the package or if other content has this
    version; InfrastructureError if this machine cannot do it.
    """
    target = package.path(root)
    model_id = package.manifest.model_id
    try:
        if target.exists():
            _require_same(package, target)
            return Published(model_id, target, already=True)
        with _staging(target) as staging:
            _fill(package, staging)
            verify(staging)
            accept(staging, package.manifest, chats, patience)
            verify(staging)
            staging.rename(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InfrastructureError(f"{model_id} cannot be published: {reason}: {target}") from error
    return Published(model_id, target)


def verify(directory: Path) -> str:
    """The model id of a package, read back from its folder; nothing is loaded.

    Raises PublishError unless every file is there with its recorded digest, no other is, and the
    manifest names the model as the record does. OSError passes through.
    """
    try:
        record, manifest = read_json(directory / RECORD), read_json(directory / MANIFEST)
        files, model_id = dict(record["files"]), str(record["model_id"])
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise PublishError(f"no readable package in {directory}: {error!r}") from error
    _require_files(files, _digests(directory), directory)
    if manifest.get("Name") != model_id:
        raise PublishError(
            f"{MANIFEST} must give {model_id!r} as Name: found {manifest.get('Name')!r}"
        )
    return model_id


def _fill(package: Package, staging: Path) -> None:
    variant, manifest = package.variant, package.manifest
    _copy(variant.directory, staging)
    _require_files(variant.files, digest_files(staging), variant.directory)
    if (staging / _UNFINISHED).exists():
        raise PublishError(f"remove {_UNFINISHED}, which hides the package: {variant.directory}")
    write_json(staging / MANIFEST, manifest.to_json())
    record = {
        "schema": SCHEMA,
        "model_id": manifest.model_id,
        "variant": variant.name,
        "digest": variant.digest,
        "files": _digests(staging),
    }
    write_json(staging / RECORD, record)
    _let_everyone_read(staging)


def _copy(source: Path, target: Path) -> None:
    """Copy a folder's files. Not links: what later happens to the source must not reach devices."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _let_everyone_read(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _digests(directory: Path) -> dict[str, str]:
    """Of every file but the record itself."""
    return {name: value for name, value in digest_files(directory).items() if name != RECORD}


def _require_files(expected: Mapping[str, str], found: Mapping[str, str], directory: Path) -> None:
    names = sorted(expected.keys() | found.keys())
    wrong = [name for name in names if expected.get(name) != found.get(name)]
    if wrong:
        what = "is missing" if wrong[0] not in found else "changed"
        what = "was added" if wrong[0] not in expected else what
        raise PublishError(
            f"{wrong[0]} {what} since its digest was taken, "
            f"{len(wrong)} of {len(names)} files differ: {directory}"
        )


def _require_same(package: Package, target: Path) -> None:
    """Refuse other content under a published version: devices have it, so it never changes.

    The files are held against the digests of the variant that was judged: those of the package's
    own record may have been changed together with the files.
    """
    verify(target)
    own = (MANIFEST, RECORD)
    judged = {name: it for name, it in package.variant.files.items() if name not in own}
    there = {name: it for name, it in _digests(target).items() if name not in own}
    digest = read_json(target / RECORD).get("digest")
    wrong = sorted(it for it in judged.keys() | there.keys() if judged.get(it) != there.get(it))
    is_same = not wrong and digest == package.variant.digest
    manifest = package.manifest.to_json()
    if not is_same or _undated(read_json(target / MANIFEST)) != _undated(manifest):
        what = f" ({wrong[0]} is not the one that was judged)" if wrong else ""
        raise PublishError(
            f"{package.manifest.model_id} is already published with other content{what}: "
            f"raise the version in the release file: {target}"
        )


def _undated(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest but for the day on which its template was rendered."""
    template = manifest.get("PromptTemplate")
    if not isinstance(template, Mapping):
        return dict(manifest)
    return {**manifest, "PromptTemplate": undated(template)}


@contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """A new hidden folder beside the target, on its file system; removed with what was made for it.

    Once it has been renamed there is nothing to remove.
    """
    missing = [it for it in (target.parent, *target.parent.parents) if not it.exists()]
    staging = target.parent / f".{target.name}.{secrets.token_hex(4)}"
    _sweep(target)
    try:
        staging.mkdir(parents=True)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for parent in missing:
            with suppress(OSError):  # it holds this package, or another release's
                parent.rmdir()


def _sweep(target: Path) -> None:
    """Remove what a publishing that was killed left; none that still runs is an hour old."""
    for left in target.parent.glob(f".{target.name}.*"):
        if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
