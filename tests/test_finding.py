import math
from dataclasses import replace

import pytest

from harness.finding import Finding, Outcome, against, quantity, sentence, unit_of
from harness.policy import Limit, Rule, Severity
from harness.statistic import Statistic
from harness.stats.intervals import Estimate

RULE = Rule(
    "latency.itl",
    "time between tokens",
    "latency.itl",
    Statistic.RATIO,
    at_most=1.25,
    hint="it is slower",
)
FOUND = Estimate(1.4, 1.3, 1.5, 40)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.968, "share", "96.8 %"),
        (1.0421, "ratio", "1.042 x"),
        (0.6123, "ratio", "0.612 x"),
        (0.3149, "ms", "0.315 ms"),
        (17777.7, "tokens/s", "17,778 tokens/s"),
        (-0.0806, "points", "-0.0806 points"),
        (3.0, "count", "3"),
        (math.inf, "ms", "unbounded"),
        (math.nan, "ms", "not a number"),
    ],
)
def test_a_figure_reads_as_a_person_would_write_it(value, unit, text):
    assert quantity(value, unit) == text


def test_a_failure_says_what_was_found_what_is_allowed_and_what_it_means():
    assert sentence(RULE, Limit(at_most=1.25), Outcome.FAIL, FOUND, "ratio") == (
        "time between tokens: 1.4 x (1.3 x to 1.5 x), but must be at most 1.25 x; it is slower"
    )


def test_what_does_not_decide_is_told_without_a_demand():
    rule = replace(RULE, severity=Severity.INFO)
    assert sentence(rule, Limit(at_most=1.25), Outcome.FAIL, FOUND, "ratio") == (
        "time between tokens: 1.4 x (1.3 x to 1.5 x), over 1.25 x; it is slower"
    )
    below = sentence(rule, Limit(at_least=2.0), Outcome.FAIL, FOUND, "ratio")
    assert below.endswith(", under 2 x; it is slower")


def test_a_guard_that_passes_without_proof_says_so():
    wide = Estimate(1.2, 1.0, 1.5, 5)
    text = sentence(RULE, Limit(at_most=1.25), Outcome.PASS, wide, "ratio")
    assert text.endswith("no evidence against at most 1.25 x")
    sure = Estimate(0.9, 0.8, 1.0, 5)
    assert sentence(RULE, Limit(at_most=1.25), Outcome.PASS, sure, "ratio").endswith(
        ", at most 1.25 x"
    )


def test_a_figure_names_the_place_it_belongs_to():
    cliff = Estimate(2.0, 1.8, 2.2, 40, where="512 tokens")
    assert "time between tokens at 512 tokens: 2 x" in sentence(
        RULE, Limit(at_most=1.5), Outcome.FAIL, cliff, "ratio"
    )


@pytest.mark.parametrize(
    ("statistic", "unit", "expected"),
    [
        (Statistic.RATIO, "ms", "ratio"),
        (Statistic.GAIN, "share", "points"),
        (Statistic.GROWTH, "KiB", "KiB/request"),
        (Statistic.MEDIAN, "ms", "ms"),
    ],
)
def test_a_statistic_has_a_unit_of_its_own(statistic, unit, expected):
    assert unit_of(statistic, unit) == expected


def test_a_figure_only_rule_has_no_limit():
    rule = Rule("a.b", "b", "a.b", Statistic.MEDIAN, severity=Severity.INFO)
    assert rule.limit(None) is None
    assert sentence(rule, None, Outcome.PASS, Estimate(1, 1, 1, 1), "ms") == "b: 1 ms"


def test_what_stands_against_a_go_begins_with_the_failures_and_leaves_info_out():
    findings = [
        Finding(f"{outcome} {severity}", "a", severity, outcome, "why")
        for severity in (Severity.INFO, Severity.GUARD)
        for outcome in (Outcome.INCONCLUSIVE, Outcome.PASS, Outcome.FAIL, Outcome.WAIVED)
    ]
    assert [it.rule for it in against(findings)] == ["fail guard", "inconclusive guard"]


def test_an_interval_of_which_nothing_is_known_is_not_shown():
    rule = Rule("a", "first", "latency.a", Statistic.MEDIAN, severity=Severity.INFO)
    nothing = Estimate(3.0, -math.inf, math.inf, 2)
    assert sentence(rule, None, Outcome.PASS, nothing, "tokens") == "first: 3 tokens"
    half = Estimate(3.0, 1.0, math.inf, 2)
    assert sentence(rule, None, Outcome.PASS, half, "tokens").endswith("(1 tokens to unbounded)")
