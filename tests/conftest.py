"""Fixtures of the harness's own tests: the embedded variants, and a project to run pytest in."""

import json
import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache" / "variants"
PENALTY = 5.0  # the embedded model is too sure of itself for one of 1.3


def pytest_configure() -> None:
    """Sessions that tests start are of their own, and no worker's of this one (pytest-xdist)."""
    for name in [it for it in os.environ if it.startswith("PYTEST_XDIST_")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def embedded() -> dict[str, Path]:
    """Directories of the embedded model's built variants, by name."""
    pytest.importorskip("olive", reason="building needs the [build] extra")
    from harness.builders.assemble import build_variants
    from harness.errors import HarnessError
    from harness.store import read_release
    from harness.variant import expand

    release = read_release(ROOT / "fixtures" / "travel.toml")
    assert release.model is not None
    built = build_variants(expand(release), release.model.path, CACHE, lambda name, stage: None)
    directories = {}
    for name, variant in built.items():
        assert not isinstance(variant, HarnessError), variant
        directories[name] = variant.directory
    return directories


@pytest.fixture(scope="session")
def penalizing(
    embedded: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The same variants as of a source that states a repetition penalty of `PENALTY`."""
    directories = {}
    for name, built in embedded.items():
        directories[name] = tmp_path_factory.mktemp("penalizing") / name
        shutil.copytree(built, directories[name])
        path = directories[name] / "genai_config.json"
        config = json.loads(path.read_text())
        config["search"]["repetition_penalty"] = PENALTY
        path.write_text(json.dumps(config))
    return directories
