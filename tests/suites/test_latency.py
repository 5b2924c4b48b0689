"""The latency suite on runtimes without a model: what it hands in, and what it refuses."""

import json

import pytest

from harness.answer import Answer, Request
from harness.bench import Bench, Stage
from harness.errors import InfrastructureError, RequestError
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Plan, Rule, Statistic
from harness.release import Precision, Role
from harness.runtimes.scripted import Scripted
from harness.variant import Recipe, Variant
from suites import test_latency as suite

ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "x") for n in range(5))
PLAN = Plan(latency_pairs=12, latency_least_pairs=6, latency_warmup_pairs=10, load_repetitions=2)
RULE = Rule("latency.itl", "ITL", "latency.itl", Statistic.RATIO, at_most=100.0)
ROLES = {"fp32": Role.REFERENCE, "old": Role.BASELINE, "int4": Role.CANDIDATE}


class Mute(Scripted):
    """Stops after its first token, whatever it is asked."""

    def answer(self, request: Request) -> Answer:
        return super().answer(Request(text="hello", max_new_tokens=1))


class Rewound(Scripted):
    """Its clock steps back within every answer."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        answer.token_ns[-1] = 0
        return answer


@pytest.fixture
def measure(tmp_path):
    """Run one check of the suite for the candidate; the measurements handed in."""
    (tmp_path / "genai_config.json").write_text(json.dumps({"model": {"context_length": 300}}))
    variants = {
        name: Variant(Recipe(name, role, Precision.FP32), tmp_path, {}, "sha256:0")
        for name, role in ROLES.items()
    }

    def measure(check, runtime="harness.runtimes.scripted:Scripted", baseline="old"):
        taken = []
        with Fleet(variants, runtime, 60.0) as fleet:
            stage = Stage(fleet, "fp32", ITEMS, PLAN, "here", baseline=baseline, rules=(RULE,))
            check(bench=Bench(stage, "int4", "latency"), record=lambda *it: taken.extend(it))
        return taken

    return measure


def test_times_are_taken_beside_the_reference_and_beside_the_baseline(measure):
    found = {(it.metric, it.beside) for it in measure(suite.test_latency)}
    for metric in ("latency.ttft", "latency.itl", "latency.total"):
        assert {(metric, "fp32"), (metric, "old")} <= found
    alone = {it.metric for it in measure(suite.test_latency, baseline="") if not it.beside}
    assert {"latency.prefill_rate", "latency.decode_rate", "latency.processor"} <= alone


def test_every_gap_between_tokens_is_kept_with_its_answer(measure):
    [gaps] = [it for it in measure(suite.test_latency) if it.metric == "latency.gap"]
    answers = len(dict.fromkeys(gaps.labels))
    assert len(gaps.values) == answers * (suite.NEW_TOKENS - 1)


def test_loading_is_timed_in_a_new_process_and_again_in_the_same(measure):
    found = {(it.metric, it.beside): it for it in measure(suite.test_load_time)}
    for metric in ("latency.load", "latency.load_again"):
        for beside in ("fp32", "old"):
            assert len(found[metric, beside].values) == PLAN.load_repetitions


def test_answers_too_short_to_be_timed_are_evidence_against_the_model(measure):
    with pytest.raises(RequestError, match="1 new tokens, which cannot be timed"):
        measure(suite.test_latency, f"{__name__}:Mute")


def test_a_clock_that_steps_back_is_the_machines_fault(measure):
    with pytest.raises(InfrastructureError, match="clock stepped back"):
        measure(suite.test_latency, f"{__name__}:Rewound")
