import pytest

from harness.durations import duration, seconds_of
from harness.errors import ConfigError
from harness.planning.budget import KNOBS, fitted, shortened
from harness.policy import Plan

PLAN = Plan(memory_cycles=40, precision_items=200)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h 30m", 5400), ("1.5h", 5400)]
)
def test_a_budget_is_read_as_people_write_it(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["5", "five", "5 d", "m", "0m", "-3m"])
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match=r"90s, 30m or 6h: found"):
        seconds_of(text)


@pytest.mark.parametrize(("seconds", "text"), [(9.4, "9 s"), (240, "4.0 min"), (3 * 3600, "3.0 h")])
def test_a_time_is_told_to_two_digits(seconds, text):
    assert duration(seconds) == text


def test_what_fits_already_stays_as_it_is():
    assert fitted(PLAN, lambda plan: 10.0, 10.0, 8192, 50_000) == PLAN


def test_what_saves_most_is_made_smaller_first_and_no_more_than_it_must():
    def seconds(plan):
        return 10.0 * plan.memory_cycles + 0.1 * plan.precision_items

    plan = fitted(PLAN, seconds, 250.0, 8192, 50_000)
    assert (plan.memory_cycles, plan.precision_items) == (20, 200)


def test_nothing_is_made_smaller_than_its_rules_can_bear():
    plan = fitted(PLAN, lambda plan: 1e9 + plan.memory_cycles + plan.precision_items, 1.0, 0, 0)
    for knob in KNOBS:
        assert getattr(plan, knob.name) in (0, *range(knob.least, 10**6))
    assert plan.memory_cycles == 15


def test_the_whole_of_a_context_and_of_a_vocabulary_can_be_made_smaller():
    def seconds(plan):
        return (plan.scaling_longest_tokens or 8192) + (plan.edge_token_ids or 50_000)

    plan = fitted(Plan(), seconds, 21_000, 8192, 50_000)
    assert plan.edge_token_ids == 12_500
    assert seconds(plan) <= 21_000


def test_what_was_made_smaller_is_told():
    assert shortened(PLAN, Plan(memory_cycles=20, precision_items=200)) == {
        "memory_cycles": (40, 20)
    }
