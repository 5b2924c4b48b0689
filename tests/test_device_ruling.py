"""Budgets of a device: judged by its limits, and on whose machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.device import Budget, Machine
from harness.errors import ConfigError
from harness.evidence import Evidence, Subject
from harness.finding import Outcome
from harness.measurement import Measurement
from harness.policy import Limit, Policy, Rule, Severity
from harness.release import Precision, Role
from harness.statistic import Statistic
from harness.store import read_device, read_evidence, read_policy, write_evidence
from harness.verdict import judge, judge_measurements

FIXTURES = Path(__file__).parent.parent / "fixtures"
LAPTOP = read_device("laptop-8gb", FIXTURES, FIXTURES / "devices")
PHONE = read_device("phone-6gb", FIXTURES, FIXTURES / "devices")
SAME = Machine("x86_64", 4, 24000, ("avx2",))
GATE = read_policy(FIXTURES / "policies" / "gate.toml")
SUBJECTS = {
    "fp32": Subject(Role.REFERENCE, Precision.FP32, "sha256:1"),
    "int4": Subject(Role.CANDIDATE, Precision.INT4, "sha256:2"),
}


def evidence(device=LAPTOP, machine=SAME):
    return Evidence("travel", SUBJECTS, "here", device=device, machine=machine)


def taken(metric, values, disturbance=""):
    suite = metric.partition(".")[0]
    return Measurement(suite, metric, "int4", "ms", tuple(values), "here", disturbance=disturbance)


def found(metric, values, device=LAPTOP, machine=SAME, disturbance=""):
    """The finding of the gate's budget rule on a metric."""
    measured = taken(metric, values, disturbance)
    findings = judge_measurements((measured,), "int4", evidence(device, machine), GATE)
    budgets = {rule.id for rule in GATE.rules if rule.budget}
    [finding] = [it for it in findings if it.rule in budgets]
    return finding


@pytest.mark.parametrize(
    ("metric", "within", "beyond", "limit"),
    [
        ("device.ttft", 900.0, 1100.0, 1000),
        ("device.rate", 9.0, 7.0, 8),
        ("device.peak", 3000.0, 3100.0, 3072),
        ("memory.context_peak", 3000.0, 3100.0, 3072),
        ("latency.opening", 5.9, 6.1, 6),
        ("packaging.size", 2500.0, 2600.0, 2560),
    ],
)
def test_every_budget_has_a_rule_with_the_devices_limit(metric, within, beyond, limit):
    assert found(metric, [within] * 60).outcome is Outcome.PASS
    refused = found(metric, [beyond] * 60)
    assert (refused.outcome, refused.severity, refused.limit) == (
        Outcome.FAIL,
        Severity.CRITICAL,
        limit,
    )
    assert refused.measured == pytest.approx(beyond)
    assert "but must be at " in refused.reason


def test_a_quantile_needs_answers_enough_to_be_shown():
    few = found("device.ttft", [900.0] * 58)
    assert few.outcome is Outcome.INCONCLUSIVE
    slow_tail = found("device.ttft", [900.0] * 50 + [1500.0] * 10)
    assert slow_tail.outcome is Outcome.FAIL
    assert found("device.ttft", [900.0] * 58 + [1500.0] * 2).outcome is Outcome.INCONCLUSIVE
    assert found("device.rate", [9.0] * 58 + [1.0] * 2).outcome is Outcome.INCONCLUSIVE


def test_a_few_loads_are_judged_by_their_spread():
    steady, wild = [5.0, 5.1, 4.9, 5.0, 5.0], [5.0, 3.0, 5.9, 4.0, 5.8]
    assert found("latency.opening", steady).outcome is Outcome.PASS
    assert found("latency.opening", wild).outcome is Outcome.INCONCLUSIVE


def test_without_a_device_its_figures_are_only_shown():
    shown = found("device.ttft", [9e9] * 60, device=None)
    assert (shown.outcome, shown.severity, shown.limit) == (Outcome.PASS, Severity.INFO, None)
    verdict = judge(evidence(None), GATE).variants["int4"]
    assert all(it.severity is Severity.INFO for it in verdict.findings if it.rule == "device.rate")
    decides = judge(evidence(), GATE).variants["int4"]
    assert [it.decides for it in decides.findings if it.rule == "device.rate"] == [True]


def test_on_fewer_cores_what_is_fast_enough_passes_and_says_where():
    fast = found("device.ttft", [900.0] * 60, machine=replace(SAME, cores=2))
    assert fast.outcome is Outcome.PASS
    assert fast.reason.endswith("; measured on 2 of 4 cores")


@pytest.mark.parametrize(
    ("metric", "slow", "hopeless"),
    [("device.ttft", 1900.0, 2100.0), ("device.rate", 4.1, 3.9), ("latency.opening", 11.0, 13.0)],
)
def test_on_fewer_cores_only_what_no_core_could_mend_fails(metric, slow, hopeless):
    half = replace(SAME, cores=2)
    undecided = found(metric, [slow] * 60, machine=half)
    assert undecided.outcome is Outcome.INCONCLUSIVE
    assert undecided.reason.endswith("; measured on 2 of 4 cores, and the device may be faster")
    assert found(metric, [hopeless] * 60, machine=half).outcome is Outcome.FAIL
    old = replace(half, instructions=())
    assert found(metric, [hopeless] * 60, machine=old).outcome is Outcome.INCONCLUSIVE


def test_another_architecture_decides_no_speed_but_memory_and_disk():
    for value in (1.0, 1e6):
        speed = found("device.ttft", [value] * 60, device=PHONE)
        assert speed.outcome is Outcome.INCONCLUSIVE
        assert speed.reason.endswith("was measured on x86_64, which says nothing of aarch64")
    assert found("device.peak", [1000.0], device=PHONE).outcome is Outcome.PASS
    assert found("device.peak", [2000.0], device=PHONE).outcome is Outcome.FAIL
    assert found("packaging.size", [2000.0], device=PHONE).outcome is Outcome.FAIL


def test_what_the_whole_context_needs_is_held_against_the_devices_memory():
    short, whole = taken("device.peak", [1100.0]), taken("memory.context_peak", [1900.0])
    findings = judge_measurements((short, whole), "int4", evidence(PHONE), GATE)
    budgets = {it.rule: it.outcome for it in findings if it.rule.startswith("device.")}
    assert budgets["device.peak"] is Outcome.PASS
    assert budgets["device.context_peak"] is Outcome.FAIL


def test_what_disturbs_a_machine_excuses_only_what_is_slow():
    assert found("device.ttft", [900.0] * 60, disturbance="others").outcome is Outcome.PASS
    slow = found("device.ttft", [1100.0] * 60, disturbance="others")
    assert slow.outcome is Outcome.INCONCLUSIVE


def test_stored_evidence_is_judged_without_the_file_of_the_device(tmp_path):
    measured = replace(evidence(), measurements=(taken("device.peak", [4000.0]),))
    write_evidence(tmp_path / "evidence.json", measured)
    again = read_evidence(tmp_path / "evidence.json")
    assert again == measured
    [peak] = [it for it in judge(again, GATE).variants["int4"].findings if it.rule == "device.peak"]
    assert (peak.outcome, peak.measured, peak.limit) == (Outcome.FAIL, 4000, 3072)


@pytest.mark.parametrize(
    "given", [{"at_most": 1.0}, {"precision": {Precision.INT4: Limit(at_most=1.0)}}]
)
def test_a_rule_has_a_budget_or_a_limit(given):
    with pytest.raises(ConfigError, match="rule a: its limit is the device's peak_mib"):
        Rule("a", "a", "s.m", Statistic.MAXIMUM, budget=Budget.PEAK, **given)


def test_a_policy_of_budgets_alone_decides_where_there_is_a_device():
    rule = Rule("a", "a", "s.m", Statistic.MAXIMUM, budget=Budget.PEAK)
    policy = Policy("p", ("s.c",), (rule,))
    findings = judge(evidence(None), policy).variants["int4"].findings
    assert any("has no rule that decides candidates" in it.reason for it in findings)
