"""Fixtures of the harness's own tests: the embedded variants, and a project to run pytest in."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache" / "variants"


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
