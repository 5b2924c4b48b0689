import json

import pytest

from harness.policy import Plan
from harness.route import find_route, ladders


@pytest.fixture
def folders(tmp_path):
    def make(**contexts):
        for name, context in contexts.items():
            (tmp_path / name).mkdir()
            model = {"context_length": context, "decoder": {"sliding_window": {"window_size": 40}}}
            (tmp_path / name / "genai_config.json").write_text(json.dumps({"model": model}))
        return {name: tmp_path / name for name in contexts}

    return make


def write(number, length):
    return tuple(range(number, number + length))


def test_every_variant_has_the_lengths_that_its_context_and_the_references_hold():
    rungs = ladders({"fp32": 108, "small": 72, "large": 10**6, "none": 20}, "fp32", (), 0)
    assert rungs["fp32"] == (32, 48, 64, 96, 100)
    assert rungs["small"] == (32, 48, 64)
    assert rungs["large"] == (32, 48, 64, 96, 100)
    assert rungs["none"] == ()


def test_the_references_ladder_has_everybodys_lengths():
    assert 92 in ladders({"fp32": 1000, "small": 100}, "fp32", (), 0)["fp32"]


def test_a_route_straddles_what_the_configurations_state(folders):
    route = find_route(folders(fp32=108), "fp32", Plan(), None, write)
    assert route.rungs["fp32"] == (32, 39, 40, 41, 48, 64, 96, 100)
    assert len(route.texts) == 3
    assert all(len(text) > 100 for text in route.texts)
    assert route.remark == ""
    assert route.names(64) == ["fp32"]


def test_a_plan_that_ends_the_ladder_before_the_context_says_so(folders):
    route = find_route(folders(fp32=4096), "fp32", Plan(scaling_longest_tokens=50), None, write)
    assert route.rungs["fp32"][-1] == 50
    assert "up to 50 tokens" in route.remark
    assert "4,096" in route.remark


def test_a_plan_that_ends_the_ladder_beyond_the_context_changes_nothing(folders):
    route = find_route(folders(fp32=108), "fp32", Plan(scaling_longest_tokens=108), None, write)
    assert route.rungs["fp32"][-1] == 100
    assert route.remark == ""


def test_a_variant_that_states_no_context_is_asked_nothing(folders):
    route = find_route(folders(fp32=108, odd="many"), "fp32", Plan(), None, write)
    assert route.rungs["odd"] == ()
    assert route.names(32) == ["fp32"]


def test_a_reference_that_holds_no_prompt_leaves_no_route(folders):
    route = find_route(folders(fp32=39, int4=108), "fp32", Plan(), None, write)
    assert route.rungs == {"fp32": (), "int4": ()}
    assert route.texts == ()
