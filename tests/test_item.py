import math

import pytest

from harness.asking import Normalize
from harness.errors import ConfigError
from harness.item import Item, Scorer

CHAT = (("user", "Code of Lisbon airport?"),)


@pytest.mark.parametrize("messages", [(), (("user", "Hi"), ("assistant", "Hello"))])
def test_a_chat_ends_with_a_question(messages):
    with pytest.raises(ConfigError, match="messages must end with one of role 'user'"):
        Item("a", messages, "LIS")


def test_an_answer_must_have_room():
    with pytest.raises(ConfigError, match="max_new_tokens must be at least 1: found 0"):
        Item("a", CHAT, "LIS", max_new_tokens=0)


def test_percent_in_the_place_of_a_share_is_refused():
    with pytest.raises(
        ConfigError, match=r"relative_tolerance .* under 1 \(0\.05 is 5 %\): found 5"
    ):
        Item("a", (("user", "?"),), "12", scorer=Scorer.NUMERIC, relative_tolerance=5)


@pytest.mark.parametrize("value", [-0.1, math.inf, math.nan])
@pytest.mark.parametrize("key", ["tolerance", "relative_tolerance"])
def test_a_tolerance_is_a_number_of_at_least_0(key, value):
    with pytest.raises(ConfigError, match=f"{key} must be a number of at least 0"):
        Item("a", CHAT, "7", scorer=Scorer.NUMERIC, **{key: value})


@pytest.mark.parametrize(
    ("fields", "scorers"),
    [
        ({"choices": ("a", "b")}, "choice' or 'listed"),
        ({"tolerance": 0.5}, "numeric"),
        ({"relative_tolerance": 0.5}, "numeric"),
        ({"schema": "{}"}, "json' or 'json_fields"),
        ({"function": "a:b"}, "function"),
        ({"normalize": Normalize.TOKEN}, "choice"),
    ],
)
def test_a_field_that_the_scorer_does_not_read_is_refused(fields, scorers):
    [key] = fields
    with pytest.raises(ConfigError, match=f"{key} is for the scorer '{scorers}': found 'exact'"):
        Item("a", CHAT, "LIS", **fields)


def test_chance_is_one_of_all_choices_where_nothing_is_stated():
    assert Item("a", CHAT, "LIS").chance_level == 0.0
    offered = {"scorer": Scorer.CHOICE, "choices": ("LIS", "OPO", "FAO", "TER")}
    assert Item("a", CHAT, "LIS", **offered).chance_level == 0.25
    assert Item("a", CHAT, "LIS", **offered, chance=0.4).chance_level == 0.4
    three = {**offered, "choices": ("LIS", "OPO", "FAO")}
    assert Item("a", CHAT, "LIS", **three, chance=0.333).chance_level == 1 / 3
    assert Item("a", CHAT, "yes", chance=0.5).chance_level == 0.5


@pytest.mark.parametrize("chance", [-0.1, 1.0, 50, math.nan])
def test_a_chance_is_a_share_under_1(chance):
    with pytest.raises(ConfigError, match=r"chance is the share .* \(0\.5 is 50 %\): found"):
        Item("a", CHAT, "yes", chance=chance)


def test_a_chance_under_that_of_the_choices_is_refused():
    with pytest.raises(ConfigError, match=r"at least 0\.5 of 2 choices: found 0\.25"):
        Item("a", CHAT, "LIS", scorer=Scorer.CHOICE, choices=("LIS", "OPO"), chance=0.25)
