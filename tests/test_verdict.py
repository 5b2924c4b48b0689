from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigError
from harness.evidence import (
    NO_CHATS,
    NO_SOURCE,
    NOT_JUDGED,
    Check,
    CheckOutcome,
    Evidence,
    Subject,
)
from harness.finding import Outcome, not_applicable
from harness.measurement import Measurement
from harness.policy import Limit, Policy, Rule, Severity
from harness.release import Precision, Role
from harness.statistic import Statistic
from harness.verdict import Decision, judge, judge_measurements

HERE, ELSEWHERE = "this machine", "another machine"
REQUIRED = ("latency.latency", "accuracy.accuracy")
RULES = (
    Rule("latency.itl", "ITL", "latency.itl", Statistic.RATIO, at_most=1.2, minimum_samples=6),
    Rule("accuracy.gain", "accuracy", "accuracy.correct", Statistic.GAIN, at_least=-10.0),
    Rule(
        "latency.share",
        "odd ones",
        "latency.odd",
        Statistic.TOTAL,
        severity=Severity.GUARD,
        at_most=0.0,
        roles=(Role.CANDIDATE, Role.REFERENCE),
    ),
)
FIGURE = Rule("latency.rate", "rate", "latency.odd", Statistic.TOTAL, severity=Severity.INFO)
REFERENCE_ONLY = replace(RULES[2], roles=(Role.REFERENCE,))
POLICY = Policy("test", REQUIRED, RULES)
SUBJECTS = {
    "fp32": Subject(Role.REFERENCE, Precision.FP32, digest="sha256:1"),
    "int4": Subject(Role.CANDIDATE, Precision.INT4, digest="sha256:2"),
}


def measured(metric, variant, values, references=(), labels=(), environment=HERE):
    suite = metric.partition(".")[0]
    return Measurement(
        suite, metric, variant, "ms", tuple(values), environment, tuple(references), tuple(labels)
    )


def good(variant):
    pairs = [1.0 + i / 1000 for i in range(20)]
    return (
        measured("latency.itl", variant, pairs, pairs),
        measured("accuracy.correct", variant, [1.0] * 200, [1.0] * 200),
        measured("latency.odd", variant, [0.0]),
    )


def checks(variant, outcome=CheckOutcome.MEASURED, reason=""):
    return tuple(Check(*it.split("."), variant, outcome, reason) for it in REQUIRED)


def evidence(**changes):
    parts = {
        "release": "travel:1",
        "subjects": SUBJECTS,
        "environment": HERE,
        "checks": checks("fp32") + checks("int4"),
        "measurements": good("fp32") + good("int4"),
    }
    return Evidence(**{**parts, **changes})


def test_everything_measured_and_within_limits_is_go():
    verdict = judge(evidence(), POLICY)
    assert verdict.decision is Decision.GO
    assert verdict.publishable == ("int4",)


@pytest.mark.parametrize(
    "changes",
    [
        {"checks": checks("fp32")},
        {"checks": checks("int4")},
        {"checks": checks("fp32") + checks("int4")[1:]},
        {"checks": checks("fp32") + checks("int4", CheckOutcome.SKIPPED, "skipped")},
        {"checks": checks("fp32") + checks("int4", CheckOutcome.ERROR, "disk full")},
        {"measurements": good("fp32")},
        {"measurements": good("fp32") + good("int4")[1:]},
        {"measurements": good("int4")},
        {"measurements": good("fp32") + good("int4") + good("int4")[:1]},
        {"trouble": ("interrupted",)},
        {"environment": ELSEWHERE},
        {"subjects": {**SUBJECTS, "int8": Subject(Role.CANDIDATE, Precision.INT8)}},
        {"subjects": {**SUBJECTS, "fp32": Subject(Role.REFERENCE, None, problem="no torch")}},
    ],
    ids=[
        "candidate deselected",
        "reference deselected",
        "one check deselected",
        "skipped",
        "error",
        "nothing recorded",
        "one metric missing",
        "reference not measured",
        "measured twice",
        "interrupted",
        "other machine",
        "a candidate never built",
        "no reference built",
    ],
)
def test_what_is_not_measured_is_inconclusive_and_never_published(changes):
    verdict = judge(evidence(**changes), POLICY)
    assert verdict.decision is Decision.INCONCLUSIVE
    assert verdict.decision.exit_status == 6
    assert verdict.publishable == ()


@pytest.mark.parametrize(
    "policy",
    [
        Policy("empty", (), ()),
        Policy("no rule", REQUIRED, ()),
        Policy("no check", (), RULES),
        Policy("only figures", REQUIRED, (FIGURE,)),
        Policy("only the reference", REQUIRED, (REFERENCE_ONLY,)),
        Policy("of no variant there", REQUIRED, (replace(RULES[0], versus=Role.BASELINE),)),
        Policy("all waived", REQUIRED, (replace(RULES[0], waived="it is accepted"),)),
    ],
)
def test_an_empty_policy_decides_nothing(policy):
    assert judge(evidence(), policy).decision is Decision.INCONCLUSIVE


def test_a_previous_release_that_was_not_measured_as_it_is_decides_nothing():
    old = Subject(Role.BASELINE, Precision.INT4, problem="its files changed: model.onnx.data")
    subjects = {**SUBJECTS, "old": old}
    found = evidence(
        subjects=subjects,
        checks=evidence().checks + checks("old"),
        measurements=evidence().measurements + good("old"),
    )
    verdict = judge(found, POLICY)
    assert verdict.decision is Decision.INCONCLUSIVE
    assert verdict.variants["int4"].reasons == (
        "the baseline old cannot be relied on: its files changed: model.onnx.data",
    )
    subjects["old"] = replace(old, digest="sha256:3", problem="")
    assert judge(replace(found, subjects=subjects), POLICY).decision is Decision.GO


SHARE = Rule("accuracy.share", "accuracy", "accuracy.correct", Statistic.SCORE, floor=True)


def test_the_floor_that_the_release_states_must_be_shown_and_without_one_nothing_is_asked():
    policy = replace(POLICY, rules=(*RULES, SHARE))
    half = measured("accuracy.correct", "int4", [1.0, 0.0] * 100, [1.0, 0.0] * 100)
    taken = tuple(half if it == good("int4")[1] else it for it in good("fp32") + good("int4"))
    decided = {
        floor: judge(evidence(measurements=taken, floor=floor), policy).decision
        for floor in (None, 0.35, 0.49, 0.8)
    }
    assert list(decided.values()) == [
        Decision.GO,
        Decision.GO,
        Decision.INCONCLUSIVE,
        Decision.NO_GO,
    ]


@pytest.mark.parametrize(
    "rules",
    [
        RULES,
        (*RULES, replace(SHARE, severity=Severity.INFO)),
        (*RULES, replace(SHARE, roles=(Role.REFERENCE,))),
    ],
)
def test_a_floor_that_no_rule_holds_candidates_to_is_never_go(rules):
    policy = replace(POLICY, rules=rules)
    assert judge(evidence(), policy).decision is Decision.GO
    verdict = judge(evidence(floor=0.5), policy)
    assert verdict.decision is Decision.INCONCLUSIVE
    assert "[data] floor needs a rule" in verdict.variants["int4"].reasons[0]
    with pytest.raises(ConfigError, match=r"floor needs a rule .* 'test' .*: found 0.5"):
        policy.require_floor(0.5)


@pytest.mark.parametrize("outcome", [CheckOutcome.FAILED, CheckOutcome.CRASHED])
def test_a_failed_check_of_the_candidate_is_no_go_with_its_reason(outcome):
    broken = checks("fp32") + checks("int4", outcome, "eos_token_id is 5")
    verdict = judge(evidence(checks=broken), POLICY)
    assert verdict.decision is Decision.NO_GO
    assert verdict.variants["int4"].reasons == ("eos_token_id is 5",) * 2


def test_a_failed_check_of_the_reference_says_nothing_of_the_candidate():
    broken = checks("int4") + checks("fp32", CheckOutcome.CRASHED, "died of SIGSEGV")
    verdict = judge(evidence(checks=broken), POLICY)
    assert verdict.decision is Decision.INCONCLUSIVE
    assert "SIGSEGV" in verdict.variants["int4"].reasons[0]


@pytest.mark.parametrize("first", [True, False])
def test_of_a_check_that_ran_twice_what_went_wrong_counts(first):
    crashed, fine = checks("int4", CheckOutcome.CRASHED, "died"), checks("fp32") + checks("int4")
    found = evidence(checks=crashed + fine if first else fine + crashed)
    assert judge(found, POLICY).decision is Decision.NO_GO


def test_a_check_that_the_policy_does_not_ask_for_counts_when_it_fails():
    extra = Check("edge", "emoji", "int4", CheckOutcome.FAILED, "broken emoji")
    found = evidence(checks=checks("fp32") + checks("int4") + (extra,))
    assert judge(found, POLICY).decision is Decision.NO_GO


def test_one_bad_candidate_stops_the_release_but_not_the_other_candidate():
    slow = measured("latency.itl", "int8", [2.0] * 20, [1.0] * 20)
    found = evidence(
        subjects={**SUBJECTS, "int8": Subject(Role.CANDIDATE, Precision.INT8, digest="3")},
        checks=checks("fp32") + checks("int4") + checks("int8"),
        measurements=good("fp32") + good("int4") + (slow, *good("int8")[1:]),
    )
    verdict = judge(found, POLICY)
    assert verdict.decision is Decision.NO_GO
    assert verdict.publishable == ("int4",)


def finding(rule, *values, references=(), precision=None):
    it = measured(rule.metric, "int4", values, references)
    subjects = {**SUBJECTS, "int4": Subject(Role.CANDIDATE, precision, digest="1")}
    found = evidence(subjects=subjects, measurements=(it,))
    return judge_measurements((it,), "int4", found, Policy("one", ("a.b",), (rule,)))[0]


RATIO = RULES[0]


def test_a_critical_rule_must_be_shown_to_hold():
    wide = [0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7]
    assert finding(RATIO, *wide, references=[1.0] * 7).outcome is Outcome.INCONCLUSIVE
    assert finding(RATIO, *[1.0] * 7, references=[1.0] * 7).outcome is Outcome.PASS
    assert finding(RATIO, *[1.5] * 7, references=[1.0] * 7).outcome is Outcome.FAIL


def test_a_guard_needs_evidence_of_harm_but_not_an_unbounded_interval():
    guard = Rule(
        "latency.itl", "ITL", "latency.itl", Statistic.RATIO, severity=Severity.GUARD, at_most=1.2
    )
    wide = [0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7]
    assert finding(guard, *wide, references=[1.0] * 7).outcome is Outcome.PASS
    assert finding(guard, *[1.5] * 7, references=[1.0] * 7).outcome is Outcome.FAIL
    assert finding(guard, 1.0, 1.0, references=[1.0] * 2).outcome is Outcome.INCONCLUSIVE


def test_a_comparison_without_the_references_values_decides_nothing():
    assert finding(RATIO, *[1.0] * 7).outcome is Outcome.INCONCLUSIVE


def test_fewer_values_than_the_rule_needs_decide_nothing():
    found = finding(RATIO, *[1.0] * 5, references=[1.0] * 5)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "5 values, and the rule needs 6" in found.reason


def test_a_limit_of_the_precision_stands_in_for_the_general_one():
    rule = Rule(
        "latency.odd",
        "odd",
        "latency.odd",
        Statistic.TOTAL,
        at_most=0.0,
        precision={Precision.INT4: Limit(at_most=2.0)},
    )
    assert finding(rule, 1.0).outcome is Outcome.FAIL
    assert finding(rule, 1.0, precision=Precision.INT4).outcome is Outcome.PASS


def test_a_figure_without_a_limit_never_decides():
    rule = Rule("latency.odd", "odd", "latency.odd", Statistic.TOTAL, severity=Severity.INFO)
    assert finding(rule, 7.0).outcome is Outcome.PASS


@given(
    kept=st.sets(st.sampled_from(range(6))),
    ran=st.sets(st.sampled_from(range(4))),
)
def test_no_subset_of_the_evidence_is_go(kept, ran):
    every, all_checks = good("fp32") + good("int4"), checks("fp32") + checks("int4")
    found = evidence(
        measurements=tuple(it for i, it in enumerate(every) if i in kept),
        checks=tuple(it for i, it in enumerate(all_checks) if i in ran),
    )
    needed = {2, 3, 4, 5}  # the reference's own rule, and the candidate's three
    whole = needed <= kept and ran == {0, 1, 2, 3}
    assert (judge(found, POLICY).decision is Decision.GO) == whole


def test_the_order_of_the_evidence_does_not_matter():
    there = evidence()
    back = evidence(
        checks=tuple(reversed(there.checks)), measurements=tuple(reversed(there.measurements))
    )
    assert judge(there, POLICY) == judge(back, POLICY)


@pytest.mark.parametrize(
    ("has_source", "taken", "decision"),
    [
        (False, (), Decision.INCONCLUSIVE),
        (False, (measured("precision.ids", "int4", [0.0]),), Decision.INCONCLUSIVE),
        (True, (), Decision.INCONCLUSIVE),
        (True, (measured("precision.ids", "int4", [0.0]),), Decision.GO),
        (True, (measured("precision.ids", "int4", [1.0]),), Decision.NO_GO),
    ],
)
def test_a_rule_about_the_source_is_undecided_where_there_is_none(has_source, taken, decision):
    rule = Rule(
        "precision.ids", "ids", "precision.ids", Statistic.TOTAL, at_most=0.0, needs_source=True
    )
    policy = replace(POLICY, rules=(*RULES, rule))
    found = evidence(measurements=evidence().measurements + taken, has_source=has_source)
    assert judge(found, policy).variants["int4"].decision is decision
    recorded = judge_measurements(taken, "int4", found, policy)
    assert len(recorded) == len(taken)


def unsourced(**changes):
    rule = Rule(
        "precision.ids", "ids", "precision.ids", Statistic.TOTAL, at_most=0.0, needs_source=True
    )
    figure = replace(rule, id="precision.figure", severity=Severity.INFO, at_most=None)
    required = (*REQUIRED, "precision.source")
    absent = Check("precision", "source", "int4", CheckOutcome.ABSENT, NO_SOURCE)
    found = evidence(
        checks=(*checks("fp32"), *checks("int4"), replace(absent, variant="fp32"), absent)
    )
    policy = Policy("test", required, (*RULES, rule, figure), **changes)
    return judge(found, policy).variants["int4"]


def test_without_a_source_what_needs_one_is_undecided_rule_by_rule_and_the_check_too():
    verdict = unsourced()
    assert verdict.decision is Decision.INCONCLUSIVE
    reasons = {it.rule: it.reason for it in verdict.findings if it.outcome is Outcome.INCONCLUSIVE}
    assert reasons["precision.ids"] == "ids: not applied, the release names no [model]"
    assert reasons["precision.source"] == (
        "precision.source had nothing to measure: the release names no [model]"
    )
    assert "precision.figure" not in {it.rule for it in verdict.findings}


def test_a_policy_may_accept_by_name_that_there_is_no_source():
    verdict = unsourced(without_source="proven elsewhere")
    assert verdict.decision is Decision.GO
    accepted = {it.rule: it.reason for it in verdict.findings if it.outcome is Outcome.WAIVED}
    assert list(accepted) == ["precision.source", "precision.ids"]
    assert all(it.endswith("; waived: proven elsewhere") for it in accepted.values())


def test_a_required_check_that_had_nothing_else_to_measure_is_not_waived_with_the_source():
    absent = Check("latency", "latency", "int4", CheckOutcome.ABSENT, "this system has no clock")
    found = evidence(checks=(*checks("fp32"), *checks("int4")[1:], absent))
    verdict = judge(found, replace(POLICY, without_source="proven elsewhere")).variants["int4"]
    assert verdict.decision is Decision.INCONCLUSIVE
    assert any("had nothing to measure: this system" in it for it in verdict.reasons)
    others = replace(POLICY, required=POLICY.required[1:])
    assert judge(found, others).variants["int4"].decision is Decision.GO


def test_what_is_waived_is_neither_a_reason_against_a_go_nor_one_for_it():
    odd = measured("latency.odd", "int4", [1.0])
    rules = (*RULES[:2], replace(RULES[2], waived="known"))
    measurements = (*good("fp32"), *good("int4")[:2], odd)
    found = evidence(measurements=measurements)
    assert judge(found, POLICY).decision is Decision.NO_GO
    assert judge(found, replace(POLICY, rules=rules)).decision is Decision.GO
    alone = judge(found, Policy("one", (), rules[2:]))
    assert alone.decision is Decision.INCONCLUSIVE


def test_what_no_rule_judges_of_the_reference_need_not_be_asked_of_it():
    unasked = Check("latency", "latency", "fp32", CheckOutcome.ABSENT, NOT_JUDGED)
    mine = (unasked, checks("fp32")[1], *checks("int4"))
    assert judge(evidence(checks=mine), POLICY).decision is Decision.GO


def test_what_a_policy_requires_of_a_candidate_is_asked_of_it_whatever_its_rules():
    unasked = Check("latency", "latency", "int4", CheckOutcome.ABSENT, NOT_JUDGED)
    mine = (*checks("fp32"), unasked, checks("int4")[1])
    assert judge(evidence(checks=mine), POLICY).decision is Decision.INCONCLUSIVE


def test_what_was_not_asked_and_a_rule_judges_is_undecided():
    unasked = Check("latency", "latency", "int4", CheckOutcome.ABSENT, NOT_JUDGED)
    mine = (*checks("fp32"), unasked, checks("int4")[1])
    left = tuple(it for it in good("int4") if it.metric != "latency.itl")
    verdict = judge(evidence(checks=mine, measurements=(*good("fp32"), *left)), POLICY)
    assert verdict.decision is Decision.INCONCLUSIVE


PLAIN = replace(RULES[2], id="packaging.chats", metric="packaging.chats")
WITH_CHATS = Policy("test", (*REQUIRED, "packaging.chats_are_alike"), (*RULES, PLAIN))


def without_chats(is_chat=False, why=NO_CHATS):
    """The evidence on a model whose chats nobody measured, and whether it is one without any."""
    absent = [
        replace(measured("packaging.chats", name, ()), absence=why) for name in ("fp32", "int4")
    ]
    more = [
        Check("packaging", "chats_are_alike", name, CheckOutcome.ABSENT, why)
        for name in ("fp32", "int4")
    ]
    whole = evidence()
    return replace(
        whole,
        measurements=(*whole.measurements, *absent),
        checks=(*whole.checks, *more),
        is_chat=is_chat,
    )


def test_what_needs_chats_is_not_applicable_to_a_model_without_any():
    verdict = judge(without_chats(), WITH_CHATS)
    assert verdict.decision is Decision.GO
    left_out = not_applicable(verdict.variants["int4"].findings)
    assert [it.rule for it in left_out] == ["packaging.chats_are_alike", "packaging.chats"]
    assert all(NO_CHATS in it.reason for it in left_out)
    [found] = judge_measurements(
        without_chats().measurements[-1:], "int4", without_chats(), WITH_CHATS
    )
    assert (found.outcome, found.decides) == (Outcome.NOT_APPLICABLE, False)


@pytest.mark.parametrize(
    "found",
    [without_chats(is_chat=True), without_chats(why="the disk is full")],
    ids=["a model with chats", "another reason"],
)
def test_nothing_else_is_excused_so(found):
    assert judge(found, WITH_CHATS).decision is Decision.INCONCLUSIVE


def test_nothing_is_decided_where_nothing_is_applicable():
    policy = Policy("test", ("packaging.chats_are_alike",), (PLAIN,))
    assert judge(without_chats(), policy).decision is Decision.INCONCLUSIVE
