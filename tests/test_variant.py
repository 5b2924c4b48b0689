from dataclasses import replace
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
    Stage,
    VariantEntry,
)
from harness.variant import expand

CONVERSATIONS = Path("train.jsonl")


def release(calibration=None, chat=None, **entry):
    return Release(
        Identity("travel", 1),
        {
            "fp32": VariantEntry(Precision.FP32, Role.REFERENCE),
            "candidate": VariantEntry(**entry),
        },
        Data(Path("eval.jsonl"), calibration=calibration),
        PolicyChoice(Path("gate.toml")),
        ModelSource(Path("model"), chat=chat),
    )


def test_a_quantized_recipe_has_no_default_left_open():
    recipe = expand(release(precision=Precision.INT4))[1]
    assert (recipe.algorithm, recipe.block_size) == (Algorithm.RTN, 32)
    assert (recipe.symmetric, recipe.accuracy_level) == (True, 4)


def test_k_quant_stores_zero_points_unless_told_otherwise():
    recipe = expand(release(precision=Precision.INT4, algorithm=Algorithm.K_QUANT))[1]
    assert recipe.symmetric is False


def test_only_what_calibrates_is_made_of_the_calibration_too():
    made = {
        algorithm: expand(release(CONVERSATIONS, precision=Precision.INT4, algorithm=algorithm))[1]
        for algorithm in (Algorithm.GPTQ, Algorithm.RTN)
    }
    gptq, rtn = made[Algorithm.GPTQ], made[Algorithm.RTN]
    assert (gptq.stage, gptq.calibration) == (Stage.CHECKPOINT, CONVERSATIONS)
    assert (rtn.stage, rtn.calibration) == (Stage.EXPORT, None)


@pytest.mark.parametrize(("chat", "is_chat"), [(None, True), (True, True), (False, False)])
def test_only_what_calibrates_depends_on_whether_the_model_has_chats(chat, is_chat):
    for algorithm, expected in ((Algorithm.GPTQ, is_chat), (Algorithm.RTN, True)):
        entry = {"precision": Precision.INT4, "algorithm": algorithm}
        assert expand(release(CONVERSATIONS, chat, **entry))[1].is_chat is expected


@pytest.mark.parametrize("precision", Precision)
def test_what_is_built_gets_the_context_that_the_release_states(precision):
    asked = release(precision=precision)
    model = replace(asked.model, context_tokens=4096)
    assert [it.context_tokens for it in expand(asked)] == [None, None]
    assert [it.context_tokens for it in expand(replace(asked, model=model))] == [4096, 4096]


def test_a_prebuilt_folder_is_not_given_another_context():
    asked = release(prebuilt=Path("x"))
    model = replace(asked.model, context_tokens=4096)
    assert [it.context_tokens for it in expand(replace(asked, model=model))] == [4096, None]


def test_a_stage_may_be_chosen_where_there_is_more_than_one():
    entry = {"precision": Precision.INT8, "algorithm": Algorithm.K_QUANT, "stage": Stage.GRAPH}
    assert expand(release(**entry))[1].stage is Stage.GRAPH


def test_held_out_items_are_not_calibrated_on():
    with pytest.raises(ConfigError, match="held out: found eval"):
        release(Path("eval.jsonl"), precision=Precision.INT4)


def test_what_a_release_states_of_a_prebuilt_folder_is_expected_of_it_and_no_more():
    recipe = expand(release(prebuilt=Path("x"), precision=Precision.INT4, accuracy_level=4))[1]
    assert (recipe.accuracy_level, recipe.block_size, recipe.symmetric) == (4, None, None)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "needs a precision"),
        ({"precision": Precision.FP16, "block_size": 32}, "block_size does not apply"),
        ({"precision": Precision.INT4, "block_size": 33}, "must be one of 16, 32"),
        ({"precision": Precision.INT4, "accuracy_level": 9}, "must be 0 to 4: found 9"),
        ({"precision": Precision.INT4, "algorithm": Algorithm.GPTQ}, "name a file of them"),
        ({"precision": Precision.INT4, "stage": Stage.GRAPH}, "must be export: found graph"),
        ({"precision": Precision.FP16, "stage": Stage.GRAPH}, "stage does not apply"),
    ],
)
def test_settings_that_make_no_sense_together_are_refused(entry, message):
    with pytest.raises(ConfigError, match=message):
        expand(release(**entry))


def test_a_quantized_reference_is_refused():
    variants = {
        "int8": VariantEntry(Precision.INT8, Role.REFERENCE),
        "int4": VariantEntry(Precision.INT4),
    }
    with pytest.raises(ConfigError, match="must be fp32 or fp16: found int8"):
        expand(replace(release(precision=Precision.INT4), variants=variants))
