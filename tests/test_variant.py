from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.release import (
    Algorithm,
    Data,
    Identity,
    ModelSource,
    PolicyChoice,
    Precision,
    Release,
    Role,
    VariantEntry,
)
from harness.variant import expand


def release(**entry):
    return Release(
        Identity("travel", 1),
        {
            "fp32": VariantEntry(Precision.FP32, Role.REFERENCE),
            "candidate": VariantEntry(**entry),
        },
        Data(Path("eval.jsonl")),
        PolicyChoice(Path("gate.toml")),
        ModelSource(Path("model")),
    )


def test_a_quantized_recipe_has_no_default_left_open():
    recipe = expand(release(precision=Precision.INT4))[1]
    assert (recipe.algorithm, recipe.block_size) == (Algorithm.RTN, 32)
    assert (recipe.symmetric, recipe.accuracy_level) == (True, 4)


def test_k_quant_stores_zero_points_unless_told_otherwise():
    recipe = expand(release(precision=Precision.INT4, algorithm=Algorithm.K_QUANT))[1]
    assert recipe.symmetric is False


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "needs a precision"),
        ({"precision": Precision.FP16, "block_size": 32}, "block_size does not apply"),
        ({"precision": Precision.INT4, "block_size": 33}, "must be one of 16, 32"),
        ({"precision": Precision.INT4, "accuracy_level": 9}, "must be 0 to 4: found 9"),
        ({"prebuilt": Path("x"), "symmetric": True}, "symmetric does not apply"),
    ],
)
def test_settings_that_make_no_sense_together_are_refused(entry, message):
    with pytest.raises(ConfigError, match=message):
        expand(release(**entry))
