from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.conditions import Conditions
from harness.evidence import Evidence, Subject
from harness.finding import Outcome
from harness.measurement import Measurement
from harness.policy import Policy, Rule, Severity
from harness.release import Precision, Role
from harness.ruling import apply_rule
from harness.statistic import Statistic
from harness.store import read_policy
from harness.verdict import judge

RULE = Rule("latency.itl", "ITL", "latency.itl", Statistic.RATIO, at_most=1.05)
SUBJECTS = {
    "fp32": Subject(Role.REFERENCE, Precision.FP32, digest="sha256:1"),
    "old": Subject(Role.BASELINE, Precision.INT4, digest="sha256:2"),
    "int4": Subject(Role.CANDIDATE, Precision.INT4, digest="sha256:3"),
}


def times(variant, beside, ratio, spread=0.01, **changes):
    noise = np.random.default_rng(5).normal(0, spread, 60)
    values = tuple((ratio * np.exp(noise)).tolist())
    it = Measurement("latency", "latency.itl", variant, "ms", values, "here", (1.0,) * 60)
    return replace(it, beside=beside, **changes)


def ruled(it, *others, rule=RULE):
    return apply_rule(rule, it, Evidence("travel:1", SUBJECTS, "here", measurements=(it, *others)))


NOISY = times("fp32", "fp32", 1.0, spread=0.5)


def test_a_limit_that_the_machine_cannot_resolve_is_not_decided_by_a_narrow_interval():
    assert ruled(times("int4", "fp32", 1.0)).outcome is Outcome.PASS
    found = ruled(times("int4", "fp32", 1.0), NOISY)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "this machine sees a change by" in found.reason


@pytest.mark.parametrize(("busy", "says"), [(70.0, True), (52.0, False)])
def test_a_time_that_is_not_decided_says_how_much_others_used(busy, says):
    it = times("int4", "fp32", 1.2, spread=0.5)
    moments = Conditions(0.0, 2, 0.0, 0.0), Conditions(50.0, 2, busy, 50.0)
    every = Evidence("travel:1", SUBJECTS, "here", measurements=(it,), conditions=moments)
    found = apply_rule(RULE, it, every)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert ("others used 20% of the processors' time in this session" in found.reason) is says


@pytest.mark.parametrize(("ratio", "outcome"), [(0.6, Outcome.PASS), (2.0, Outcome.FAIL)])
def test_what_is_beyond_the_noise_is_decided_all_the_same(ratio, outcome):
    assert ruled(times("int4", "fp32", ratio), NOISY).outcome is outcome


def test_a_quiet_machine_changes_nothing():
    quiet = times("fp32", "fp32", 1.0)
    it = times("int4", "fp32", 1.03)
    assert ruled(it, quiet) == ruled(it)


def test_what_the_machine_can_tell_apart_is_a_finding_on_the_reference():
    policy = Policy("one", ("a.b",), (RULE,))
    found = Evidence("travel:1", SUBJECTS, "here", measurements=(times("fp32", "fp32", 1.0),))
    findings = judge(found, policy).variants["fp32"].findings
    [floor] = [it for it in findings if it.rule == "latency.itl.noise_floor"]
    assert not floor.decides
    assert 1.0 < floor.measured < 1.02


def test_a_rule_looks_at_what_was_taken_beside_the_one_it_names():
    to_baseline = replace(RULE, versus=Role.BASELINE)
    policy = Policy("both", ("a.b",), (RULE, replace(to_baseline, id="latency.to_baseline")))
    taken = (times("int4", "fp32", 0.6), times("int4", "old", 1.4))
    findings = judge(Evidence("travel:1", SUBJECTS, "here", measurements=taken), policy)
    outcomes = {it.rule: it.outcome for it in findings.variants["int4"].findings}
    assert outcomes["latency.itl"] is Outcome.PASS
    assert outcomes["latency.to_baseline"] is Outcome.FAIL


def test_a_baseline_that_was_not_measured_leaves_its_rule_undecided():
    policy = Policy("one", ("a.b",), (replace(RULE, versus=Role.BASELINE),))
    found = Evidence("travel:1", SUBJECTS, "here", measurements=(times("int4", "fp32", 0.6),))
    [finding] = [it for it in judge(found, policy).variants["int4"].findings if it.rule == RULE.id]
    assert finding.outcome is Outcome.INCONCLUSIVE
    without = {name: it for name, it in SUBJECTS.items() if name != "old"}
    findings = judge(replace(found, subjects=without), policy).variants["int4"].findings
    assert RULE.id not in [it.rule for it in findings]


def test_a_run_that_never_settled_is_not_decided():
    falling = tuple(2.0 * 0.97**n for n in range(40))
    found = ruled(times("int4", "fp32", 0.6, warmups=falling))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "not settled after 40 warm-ups" in found.reason
    still = tuple(1.0 + n % 3 / 100 for n in range(40))
    assert ruled(times("int4", "fp32", 0.6, warmups=still)).outcome is Outcome.PASS


@pytest.mark.parametrize("stalled", [0, 9])
def test_stalls_of_a_run_that_was_disturbed_are_nobodys(stalled):
    values = tuple(float(at < stalled) for at in range(60))
    labels = tuple(map(str, range(60)))
    it = Measurement(
        "latency", "latency.stalls", "int4", "count", values, "here", (0.0,) * 60, labels
    )
    it = replace(it, beside="fp32")
    rule = Rule(
        "latency.stalls",
        "stalls",
        "latency.stalls",
        Statistic.NEW_FAULTS,
        Severity.GUARD,
        at_most=0.5,
    )
    assert ruled(it, rule=rule).outcome is (Outcome.FAIL if stalled else Outcome.PASS)
    found = ruled(replace(it, disturbance="others used 80 %"), rule=rule)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "others used 80 %" in found.reason


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.GUARD])
def test_a_run_that_was_disturbed_is_not_decided(severity):
    it = times("int4", "fp32", 0.6, disturbance="others used 80 % of the processors")
    found = ruled(it, rule=replace(RULE, severity=severity))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "others used 80 %" in found.reason
    assert found.measured == pytest.approx(0.6, abs=0.01)


def test_a_run_that_stopped_between_looks_is_judged_by_the_last_look_it_reached():
    whole = times("int4", "fp32", 0.6, planned=120)
    assert ruled(whole).outcome is Outcome.PASS
    assert ruled(replace(whole, planned=600)).outcome is Outcome.INCONCLUSIVE


GROWTH = Rule(
    "memory.growth", "growth", "memory.heap", Statistic.GROWTH, Severity.GUARD, at_most=0.25
)
TURNS = np.arange(1, 25)


def levels(**kinds):
    values = [level for level in kinds.values() for level in level.tolist()]
    labels = [f"{kind} {20 * turn}" for kind in kinds for turn in TURNS]
    return Measurement(
        "memory", "memory.heap", "int4", "KiB", tuple(values), "here", labels=tuple(labels)
    )


FLAT, LEAKING, SLOWING = 0.0 * TURNS, 10.0 * TURNS, 4000 * np.log(TURNS)


@pytest.mark.parametrize(
    ("kinds", "outcome", "where"),
    [
        ({"plain": FLAT, "refused": FLAT}, Outcome.PASS, ""),
        ({"plain": FLAT, "refused": LEAKING}, Outcome.FAIL, "at refused"),
        ({"plain": FLAT, "refused": SLOWING}, Outcome.INCONCLUSIVE, "at refused"),
        ({"plain": LEAKING, "refused": SLOWING}, Outcome.FAIL, "at plain"),
    ],
    ids=["none", "one leaks", "one is in doubt", "one leaks and another is in doubt"],
)
def test_the_kind_that_stands_most_against_the_variant_decides(kinds, outcome, where):
    found = ruled(levels(**kinds), rule=GROWTH)
    assert found.outcome is outcome
    assert where in found.reason


def test_one_kind_that_was_soaked_too_briefly_is_not_passed_over():
    whole, short = levels(plain=FLAT), levels(refused=FLAT)
    it = replace(
        whole, values=whole.values + short.values[:9], labels=whole.labels + short.labels[:9]
    )
    assert ruled(it, rule=GROWTH).outcome is Outcome.INCONCLUSIVE


def test_what_a_system_does_not_count_is_not_decided_and_says_why():
    it = replace(levels(plain=FLAT), values=(), labels=(), absence="nobody counts it")
    found = ruled(it, rule=GROWTH)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, "growth: nobody counts it")


GUARD = replace(RULE, severity=Severity.GUARD)


@pytest.mark.parametrize(
    ("ratio", "outcome"), [(1.02, Outcome.PASS), (1.09, Outcome.INCONCLUSIVE), (1.3, Outcome.FAIL)]
)
def test_a_guard_in_doubt_passes_by_its_own_figure_alone(ratio, outcome):
    assert ruled(times("int4", "fp32", ratio, spread=0.1), rule=GUARD).outcome is outcome


EXCESS = Rule("latency.faults", "faults", "latency.faults", Statistic.EXCESS, at_most=1.0)


def faults(new, gone, size):
    mine = (1.0,) * new + (0.0,) * (size - new)
    theirs = (0.0,) * new + (1.0,) * gone + (0.0,) * (size - new - gone)
    return Measurement(
        "latency", "latency.faults", "int4", "share", mine, "here", theirs, beside="fp32"
    )


@pytest.mark.parametrize(("more", "outcome"), [(2, Outcome.PASS), (8, Outcome.INCONCLUSIVE)])
def test_a_guard_on_an_excess_is_in_doubt_where_some_excess_is_shown_alone(more, outcome):
    guard = replace(EXCESS, severity=Severity.GUARD, at_most=4.0 if more == 8 else 1.0)
    assert ruled(faults(more, 0, 150), rule=guard).outcome is outcome


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_how_sure_of_harm_a_guard_must_be_lets_no_excess_pass_that_is_shown(confidence):
    guard = replace(EXCESS, severity=Severity.GUARD, confidence=confidence)
    assert ruled(faults(2, 0, 47), rule=guard).outcome is Outcome.PASS
    assert ruled(faults(3, 0, 47), rule=guard).outcome is Outcome.INCONCLUSIVE
    assert ruled(faults(6, 5, 47), rule=guard).outcome is Outcome.PASS
    assert ruled(faults(6, 0, 47), rule=guard).outcome is not Outcome.PASS


def test_an_excess_must_be_shown_to_be_none_where_the_rule_is_critical():
    assert ruled(faults(2, 0, 47), rule=EXCESS).outcome is Outcome.INCONCLUSIVE


GATE = read_policy(Path(__file__).parents[1] / "fixtures/policies/gate.toml")
DEGENERATE = [it for it in GATE.rules if it.statistic is Statistic.EXCESS and it.at_most == 1.0]


@pytest.mark.parametrize("size", [16, 32, 47])
@pytest.mark.parametrize("rule", DEGENERATE, ids=[it.id for it in DEGENERATE])
def test_the_gate_refuses_who_breaks_down_where_the_reference_does_not(rule, size):
    rule = replace(rule, metric="latency.faults")
    outcomes = [ruled(faults(new, 0, size), rule=rule).outcome for new in (0, 1, 2, 3, 4, 5, 6)]
    assert outcomes[:3] == [Outcome.PASS] * 3
    assert outcomes[3:5] == [Outcome.INCONCLUSIVE] * 2
    assert outcomes[5:] == [Outcome.FAIL] * 2


WAIVED = replace(RULE, waived="the device is fast enough")


def test_a_waived_rule_that_fails_is_shown_with_its_reason_and_does_not_decide():
    found = ruled(times("int4", "fp32", 2.0), rule=WAIVED)
    assert (found.outcome, found.decides) == (Outcome.WAIVED, False)
    assert found.reason.endswith("but must be at most 1.05 x; waived: the device is fast enough")


def test_a_waiver_changes_nothing_of_what_passes():
    good = ruled(times("int4", "fp32", 0.6), rule=WAIVED)
    assert good == ruled(times("int4", "fp32", 0.6))


def test_a_waiver_covers_what_is_undecided_too():
    disturbed = times("int4", "fp32", 1.0, disturbance="others used 80 % of the processors")
    found = ruled(disturbed, rule=WAIVED)
    assert found.outcome is Outcome.WAIVED
    assert "disturbed" in found.reason
    policy = Policy("one", ("a.b",), (WAIVED,))
    nothing = judge(Evidence("travel:1", SUBJECTS, "here"), policy).variants["int4"].findings
    [absent] = [finding for finding in nothing if finding.rule == RULE.id]
    assert absent.outcome is Outcome.WAIVED
