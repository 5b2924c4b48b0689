"""What becomes of a release's variants where there is no checkpoint to build some of them from."""

from harness.builders.assemble import build_variants
from harness.errors import BuildError
from harness.release import Precision, Role
from harness.variant import Recipe, Variant


def test_the_reason_that_there_is_no_checkpoint_is_that_of_what_is_to_be_built(tmp_path):
    prebuilt = tmp_path / "prebuilt"
    prebuilt.mkdir()
    (prebuilt / "genai_config.json").write_text("{}")
    recipes = [
        Recipe("int4", Role.CANDIDATE, Precision.INT4),
        Recipe("fp32", Role.REFERENCE, None, prebuilt=prebuilt),
        Recipe("int8", Role.CANDIDATE, Precision.INT8),
    ]
    why = BuildError("the GGUF is another one")
    built = build_variants(recipes, why, tmp_path / "cache", lambda name, stage: None)
    assert list(built) == ["int4", "fp32", "int8"]
    assert built["int4"] is built["int8"] is why
    assert isinstance(built["fp32"], Variant)
    assert not (tmp_path / "cache").exists()
