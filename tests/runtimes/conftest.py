"""The embedded model's built variants, for the tests that need an engine."""

from pathlib import Path

import pytest

CHECKPOINT = Path(__file__).parents[2] / "fixtures" / "travel" / "model"


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Directories of the embedded model's variants by precision."""
    pytest.importorskip("olive", reason="the [build] extra is not installed")
    if not (CHECKPOINT / "config.json").is_file():
        pytest.skip("the embedded model is not there yet")
    from harness.builders.assemble import build_variants
    from harness.release import Algorithm, Precision, Role
    from harness.variant import Recipe, Variant

    recipes = [
        Recipe("fp32", Role.REFERENCE, Precision.FP32),
        *(
            Recipe(
                p,
                Role.CANDIDATE,
                p,
                algorithm=Algorithm.RTN,
                block_size=32,
                symmetric=True,
                accuracy_level=4,
            )
            for p in (Precision.INT8, Precision.INT4)
        ),
    ]
    cache = tmp_path_factory.mktemp("variants")
    built = build_variants(recipes, CHECKPOINT, cache, lambda name, what: None)
    variants = {name: result for name, result in built.items() if isinstance(result, Variant)}
    assert len(variants) == len(recipes), built
    return {name: variant.directory for name, variant in variants.items()}
