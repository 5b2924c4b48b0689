import pytest

from harness.durations import duration, seconds_of
from harness.errors import ConfigError
from harness.planning.budget import REDUCIBLE, affordable, fitted, reduced
from harness.policy import Plan
from harness.store import read_policy
from tests.conftest import ROOT

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


def test_what_leaves_a_session_undecided_is_made_smaller_last():
    def seconds(plan):
        return plan.scaling_longest_tokens + plan.memory_cycles + plan.precision_items / 10

    whole = Plan(scaling_longest_tokens=4096, memory_cycles=40, precision_items=200)
    plan = fitted(whole, seconds, seconds(whole) - 20, 8192, 50_000)
    assert (plan.scaling_longest_tokens, plan.memory_cycles) == (4096, 20)
    plan = fitted(whole, seconds, 2100, 8192, 50_000)
    assert (plan.scaling_longest_tokens, plan.memory_cycles, plan.precision_items) == (2048, 15, 50)


def test_nothing_is_made_smaller_than_its_rules_can_bear():
    plan = fitted(PLAN, lambda plan: 1e9 + plan.memory_cycles + plan.precision_items, 1.0, 0, 0)
    for number in REDUCIBLE:
        assert getattr(plan, number.name) in (0, *range(number.least, 10**6))
    assert plan.memory_cycles == 15


def test_the_whole_of_a_context_and_of_a_vocabulary_can_be_made_smaller():
    def seconds(plan):
        return (plan.scaling_longest_tokens or 8192) + (plan.edge_token_ids or 50_000)

    plan = fitted(Plan(), seconds, 21_000, 8192, 50_000)
    assert plan.edge_token_ids == 12_500
    assert seconds(plan) <= 21_000


def test_a_number_over_all_there_is_can_be_made_smaller_too():
    plan = fitted(
        Plan(scaling_longest_tokens=32_768), lambda it: it.scaling_longest_tokens, 3000, 4096, 1
    )
    assert plan.scaling_longest_tokens == 2048


def test_what_was_made_smaller_is_told_and_whether_less_is_looked_at():
    found = reduced(PLAN, Plan(memory_cycles=20, precision_items=200, edge_token_ids=2048))
    assert [str(it) for it in found] == [
        "edge_token_ids 2,048, not all",
        "memory_cycles 20, not 40",
    ]
    assert [it.narrows for it in found] == [True, False]


def test_the_least_is_what_the_gates_rules_can_decide_on():
    rules = read_policy(ROOT / "fixtures" / "policies" / "gate.toml").rules
    least = {it.name: it.least for it in REDUCIBLE}
    needed = {it.metric: it.minimum_samples for it in rules}
    assert least["memory_reloads"] >= needed["memory.given_back"]
    assert least["memory_cycles"] >= needed["memory.private"]
    assert 2 * least["default_items"] >= needed["foundry.default_loss"]
    assert 4 * least["latency_pairs"] >= needed["latency.total"]


def test_a_suite_that_does_not_fit_makes_room_for_a_cheaper_one():
    seconds = {
        ("precision.precision", "fp32"): 30.0,
        ("precision.precision", "int4"): 10.0,
        ("latency.latency", "fp32"): 20.0,
        ("latency.latency", "int4"): 60.0,
        ("memory.memory", "int4"): 50.0,
    }
    precision, memory = list(seconds)[:2], list(seconds)[-1:]
    assert affordable(seconds, 100.0) == [*precision, *memory]
    assert affordable(seconds, 200.0) == list(seconds)
    assert affordable(seconds, 39.0) == []
    assert affordable(seconds, -1.0) == []


def test_what_passes_for_want_of_evidence_is_made_smaller_last():
    narrow = {it.name for it in REDUCIBLE if it.narrows}
    assert {"latency_pairs", "latency_uptime_pairs", "default_items"} <= narrow
