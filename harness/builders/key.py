"""The key of a cached variant: a digest of everything that makes its files what they are."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.store import digest_file, digest_files, digest_of
from harness.variant import Recipe

BUILDER_VERSION = 1
PACKAGES = (
    "olive-ai",
    "onnxruntime-genai",
    "onnxruntime-genai-cuda",
    "onnxruntime-genai-directml",
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "transformers",
    "torch",
    "onnx",
)
# What a variant is called does not change its files, nor does the place of what it is made from.
_NOT_IN_KEY = ("name", "role", "prebuilt", "calibration")


def installed(package: str) -> str | None:
    """The version of a package, or None; read from its metadata, so nothing is imported."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def package_versions() -> dict[str, str | None]:
    """The version of every package that takes part in a build."""
    return {package: installed(package) for package in PACKAGES}


def builder_digest() -> str:
    """Digest of the builders' own source, so that changed code never meets an old entry."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return digest_of({source.name: digest_file(source) for source in sources})


def plain(recipe: Recipe) -> dict[str, object]:
    """A recipe to build by as JSON has it."""
    calibration = None if recipe.calibration is None else str(recipe.calibration)
    return asdict(recipe) | {"prebuilt": None, "calibration": calibration}


def ingredients(recipe: Recipe, source_files: Mapping[str, str]) -> dict[str, object]:
    """What the key is a digest of; kept in the entry, so that one can see why a key changed."""
    wanted = {key: value for key, value in plain(recipe).items() if key not in _NOT_IN_KEY}
    return {
        "source": dict(source_files),
        "recipe": wanted,
        "calibration": None if recipe.calibration is None else _digest(recipe.calibration),
        "packages": package_versions(),
        "builder": {"version": BUILDER_VERSION, "code": builder_digest()},
    }


def _digest(data: Path) -> str:
    """Of a file, or of a folder with all that is in it."""
    return digest_of(digest_files(data)) if data.is_dir() else digest_file(data)


def key_of(made_from: Mapping[str, object]) -> str:
    """The key of these ingredients: 32 hexadecimal digits, a name for a directory."""
    return digest_of(dict(made_from)).removeprefix("sha256:")[:32]
