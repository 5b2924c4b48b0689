"""A survey of variants without a model."""

import json

import pytest

from harness.fleet import Fleet
from harness.item import Item
from harness.planning.survey import survey
from harness.policy import Plan
from harness.release import Precision, Role
from harness.stage import Stage
from harness.variant import Recipe, Variant

BOUNDLESS = 10**15  # tokens, so that an answer may take long at whatever a token takes here
ITEMS = tuple(
    Item(f"{n}", (("user", f"question {n}"),), "x", max_new_tokens=BOUNDLESS) for n in "ab"
)


@pytest.fixture
def variant(tmp_path):
    model = {"context_length": 512, "vocab_size": 257}
    (tmp_path / "genai_config.json").write_text(json.dumps({"model": model}))
    recipe = Recipe("fp32", Role.REFERENCE, Precision.FP32)
    return Variant(recipe, tmp_path, {}, "sha256:0")


def test_whole_answers_are_waited_for_as_long_as_the_reference_takes(variant):
    waited = []

    def hear(name, plan, answers):
        waited.extend((request.messages, fleet.patience.of([request])) for request in plan)

    with Fleet({"fp32": variant}, "harness.runtimes.scripted:Scripted", 60.0, hear) as fleet:
        shape, pilots = survey(Stage(fleet, "fp32", ITEMS, Plan(), "here"), ())
    assert list(pilots) == ["fp32"]
    assert shape.answer == 8
    whole = [seconds for messages, seconds in waited if messages]
    assert len(whole) == len(ITEMS)
    assert min(whole) > 60


def test_what_long_prompts_take_is_at_least_their_keys_and_values(variant):
    path = variant.directory / "genai_config.json"
    config = json.loads(path.read_text())
    shape = {"num_hidden_layers": 20, "num_key_value_heads": 8, "head_size": 128}
    config["model"]["decoder"] = shape
    path.write_text(json.dumps(config))
    with Fleet({"fp32": variant}, "harness.runtimes.scripted:Scripted", 60.0) as fleet:
        _, pilots = survey(Stage(fleet, "fp32", ITEMS, Plan(), "here"), ())
    assert pilots["fp32"].token == 2 * 20 * 8 * 128 * 4
