"""The memory suite on runtimes without a model, judged by the gate's own rules."""

import json
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.bench import Bench
from harness.device import Machine
from harness.evidence import Evidence, Subject
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Plan
from harness.release import Precision, Role
from harness.soak import Kind
from harness.stage import Stage
from harness.store import read_device, read_policy
from harness.variant import Recipe, Variant
from harness.verdict import judge_measurements
from suites import test_memory as suite

ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "x") for n in range(24))
FIXTURES = Path(__file__).parents[2] / "fixtures"
POLICY = read_policy(FIXTURES / "policies" / "gate.toml")
LAPTOP = read_device("laptop-8gb", FIXTURES, FIXTURES / "devices")
MACHINE = Machine("x86_64", 4, 8192)
PLAN = Plan(memory_cycles=20, memory_doublings=1, memory_reloads=3)

needs_heap = pytest.mark.skipif(
    not hasattr(psutil, "heap_info"), reason="psutil cannot ask this C library"
)


@pytest.fixture
def judge(tmp_path):
    """Findings of one check of the suite on a runtime, by rule."""
    (tmp_path / "genai_config.json").write_text(json.dumps({"model": {"context_length": 512}}))
    recipes = {
        name: Recipe(name, role, Precision.FP32)
        for name, role in (("fp32", Role.REFERENCE), ("int4", Role.CANDIDATE))
    }
    variants = {name: Variant(it, tmp_path, {}, "sha256:0") for name, it in recipes.items()}
    subjects = {name: Subject(it.role, it.precision, "sha256:0") for name, it in recipes.items()}

    def judge(check, runtime, plan=PLAN, device=None):
        handed_in = []
        with Fleet(variants, f"tests.suites.leaky:{runtime}", 60.0) as fleet:
            stage = Stage(fleet, "fp32", ITEMS, plan, "here", rules=POLICY.rules, machine=MACHINE)
            check(Bench(stage, "int4", "memory"), lambda *measured: handed_in.extend(measured))
        judge.remarks = stage.remarks
        evidence = Evidence(
            "travel", subjects, "here", measurements=tuple(handed_in), device=device
        )
        findings = judge_measurements(tuple(handed_in), "int4", evidence, POLICY)
        return {it.rule.removeprefix("memory."): it for it in findings}

    return judge


def not_passed(findings):
    return {rule for rule, it in findings.items() if it.outcome != "pass" and it.decides}


def test_a_runtime_that_keeps_nothing_passes(judge):
    found = judge(suite.test_memory, "Keeps")
    assert not_passed(found) == set()
    assert found["private_steady"].measured > 8
    assert found["peak"].measured == pytest.approx(1, abs=0.1)


@needs_heap
@pytest.mark.parametrize(
    ("runtime", "kind"),
    [
        ("KeepsAnswers", Kind.ANSWERED),
        ("KeepsEnds", Kind.STOPPED),
        ("KeepsRefusals", Kind.REFUSED),
        ("KeepsTexts", Kind.TOKENIZED),
    ],
)
def test_a_leak_is_named_by_the_kind_of_request(judge, runtime, kind):
    found = judge(suite.test_memory, runtime)
    assert {"growth", "heap_growth"} <= not_passed(found)
    kept = {Kind.STOPPED: 2.0}.get(kind, 4.0)  # every other one of those that are cut short
    for rule in ("growth", "heap_growth"):
        assert found[rule].outcome == "fail"
        assert f"that a request leaves behind at {kind}: " in found[rule].reason
        assert "KiB/request" in found[rule].reason
        assert found[rule].measured == pytest.approx(kept, rel=0.15)


@needs_heap
@pytest.mark.parametrize(
    ("runtime", "kept"), [("KeepsLongPrompts", 4.0), ("KeepsALittleOfLongPrompts", 0.6)]
)
def test_a_leak_by_long_prompts_alone_is_not_lost_among_the_short_ones(judge, runtime, kept):
    found = judge(suite.test_memory, runtime)["heap_growth"]
    assert found.outcome == "fail"
    assert f"that a request leaves behind at {Kind.LONG}: " in found.reason
    assert found.measured == pytest.approx(kept, rel=0.2)


def test_hours_follow_from_growth_and_the_measured_rate(judge):
    hours = judge(suite.test_memory, "KeepsRefusals")["hours"]
    assert 0 < hours.interval[0] < hours.measured < hours.interval[1] < 100
    assert f"should it go on at {Kind.REFUSED}: " in hours.reason


def test_what_does_not_grow_fills_no_device(judge):
    hours = judge(suite.test_memory, "Keeps")["hours"]
    assert hours.measured == float("inf")
    assert "should it go on: unbounded" in hours.reason


@needs_heap
def test_growth_that_slows_down_is_soaked_longer_and_then_not_decided(judge):
    found = judge(suite.test_memory, "KeepsEverSlower")
    for rule in ("growth", "heap_growth"):
        assert found[rule].outcome == "inconclusive"
        assert "but ever slower, does not decide whether it is at most" in found[rule].reason


def test_too_few_cycles_decide_nothing(judge):
    found = judge(suite.test_memory, "Keeps", Plan(memory_cycles=4))
    assert found["growth"].outcome == "inconclusive"


def test_a_counter_that_the_system_lacks_is_a_finding_with_its_reason(judge):
    found = judge(suite.test_memory, "Uncounted")
    assert {"peak", "growth", "heap_growth"} <= not_passed(found)
    assert {it.outcome for it in found.values()} == {"inconclusive"}
    expected = "private memory that a request leaves behind: this system has no counter for it"
    assert found["growth"].reason == expected
    assert judge.remarks == ["memory is counted by rss"]
    for check in (suite.test_context, suite.test_reload):
        assert {it.outcome for it in judge(check, "Uncounted").values()} == {"inconclusive"}


def test_a_context_holds_as_much_for_each_token(judge):
    found = judge(suite.test_context, "HoldsContexts")["context_growth"]
    assert found.measured == pytest.approx(64_000, rel=0.02)
    assert found.unit == "KiB/1,000 tokens"


@pytest.mark.parametrize(("room", "outcome"), [(3072, "pass"), (16, "fail")])
def test_what_the_longest_context_takes_must_fit_the_device(judge, room, outcome):
    device = replace(LAPTOP, budgets=replace(LAPTOP.budgets, peak_mib=room))
    found = judge(suite.test_context, "HoldsContexts", device=device)
    assert (found["device.context_peak"].outcome, found["device.context_peak"].limit) == (
        outcome,
        room,
    )
    assert found["device.context_peak"].measured > 512 * 65536 / 2**20
    assert not judge(suite.test_context, "HoldsContexts")["device.context_peak"].decides


def test_a_ladder_that_ends_early_ends_no_devices_context(judge):
    whole = judge(suite.test_context, "HoldsContexts", device=LAPTOP)["device.context_peak"]
    short = judge(suite.test_context, "HoldsContexts", Plan(scaling_longest_tokens=64), LAPTOP)
    assert short["device.context_peak"].measured == pytest.approx(whole.measured, rel=0.1)


def test_a_context_too_short_to_compare_lengths_has_no_slope(judge):
    found = judge(suite.test_context, "Keeps", Plan(scaling_longest_tokens=10))
    assert found["context_growth"].interval == (float("-inf"), float("inf"))


def test_what_a_close_gives_back_is_its_share_of_what_was_taken(judge):
    found = judge(suite.test_reload, "Keeps")
    assert found["given_back"].outcome == "pass"
    assert found["given_back"].measured == pytest.approx(1, abs=0.1)
    assert found["left_behind"].measured < 500


def test_a_runtime_that_holds_the_model_on_close_fails(judge):
    found = judge(suite.test_reload, "KeepsTheModel")
    assert found["given_back"].outcome == "fail"
    assert "share of its memory that closing the model gives back" in found["given_back"].reason
    assert found["left_behind"].measured == pytest.approx(8 * 1024, rel=0.1)
