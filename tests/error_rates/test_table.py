import pytest

from harness.error_rates.simulation import Rates
from harness.error_rates.table import (
    Row,
    clean_go,
    clean_go_by_suite,
    differences,
    weak,
    wrong_go_by_suite,
)
from harness.policy import Severity


def row(name="latency.itl", shares=(1.0, 0.05, 0.0, 0.0, 0.0), trials=1000, counted=1):
    rates = tuple(Rates(trials, round(it * trials), trials - round(it * trials)) for it in shares)
    return Row(name, Severity.CRITICAL, "ratio", (1.0,) * 5, rates, counted)


def test_chance_is_no_difference_and_another_rate_is_one():
    stored = [row()]
    assert differences(stored, [row(shares=(1.0, 0.07, 0.0, 0.0, 0.0), trials=200)]) == []
    [go, no_go] = differences(stored, [row(shares=(1.0, 0.2, 0.0, 0.0, 0.0), trials=200)])
    assert go == "latency.itl at size 1, go: 0.050 in the table, 0.200 now"
    assert no_go.startswith("latency.itl at size 1, no_go")


def test_a_rule_that_is_not_in_the_table_is_a_difference():
    assert differences([], [row("latency.new")]) == ["latency.new: is not in the table"]


def test_few_trials_without_a_hit_are_not_taken_for_none_at_all():
    rare = row(shares=(0.99, 0.05, 0.0, 0.0, 0.0), trials=4000)
    assert differences([rare], [row(shares=(1.0, 0.0, 0.0, 0.0, 0.0), trials=10)]) == []


def test_a_clean_release_passes_every_rule_for_candidate_and_reference():
    rows = [
        row("latency.itl", (0.9, 0, 0, 0, 0)),
        row("memory.growth", (0.8, 0, 0, 0, 0), counted=2),
        row("memory.peak_to_baseline", (0.1, 0, 0, 0, 0), counted=0),
    ]
    assert clean_go(rows) == pytest.approx(0.9 * 0.8**2)
    assert clean_go_by_suite(rows) == pytest.approx({"latency": 0.9, "memory": 0.64})


def test_one_fault_leaves_the_other_rules_as_they_are():
    rows = [row("a.x", (0.9, 0.05, 0.1, 0.2, 0.0)), row("b.y", (0.8, 0.05, 0.0, 0.0, 0.0))]
    assert wrong_go_by_suite(rows, 2.0)["a"] == pytest.approx({"a.x": 0.2 * 0.8})
    assert wrong_go_by_suite(rows, 2.0)["b"] == pytest.approx({"b.y": 0.0})


def test_what_a_reader_should_know_is_listed():
    found = list(weak([row(shares=(0.9, 0.2, 0.3, 0.25, 0.06))]).values())
    assert found == [
        ["latency.itl (10.0%)"],
        ["latency.itl (20.0%)"],
        ["latency.itl (25.0%)"],
        ["latency.itl (6.0%)"],
    ]
    assert list(weak([row()]).values()) == [[], [], [], []]
