"""The latency suite on runtimes without a model: what it hands in, and what it refuses."""

import json

import pytest

from harness.answer import Answer, Request
from harness.bench import Bench
from harness.errors import InfrastructureError, RequestError
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Plan, Rule, Severity
from harness.release import Precision, Role
from harness.runtimes.scripted import Scripted
from harness.stage import Stage
from harness.statistic import Statistic
from harness.variant import Recipe, Variant
from suites import test_latency as suite

ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "x") for n in range(9))
PLAN = Plan(
    latency_pairs=8,
    latency_least_processes=2,
    latency_processes=3,
    latency_warmup_pairs=0,
    latency_uptime_pairs=12,
    load_repetitions=2,
    disturbed_share=1.0,
)
RULE = Rule("latency.itl", "ITL", "latency.itl", Statistic.RATIO, at_most=100.0)
OF_ALL = (RULE, Rule("latency.x", "x", "latency.uptime", Statistic.DRIFT, Severity.GUARD, 9.0))
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
    """Run checks of the suite for a variant; the measurements handed in."""
    (tmp_path / "genai_config.json").write_text(json.dumps({"model": {"context_length": 300}}))
    variants = {
        name: Variant(Recipe(name, role, Precision.FP32), tmp_path, {}, "sha256:0")
        for name, role in ROLES.items()
    }

    def measure(*checks, runtime="harness.runtimes.scripted:Scripted", baseline="old", of="int4"):
        taken = []
        with Fleet(variants, runtime, 60.0) as fleet:
            stage = Stage(fleet, "fp32", ITEMS, PLAN, "here", baseline=baseline, rules=OF_ALL)
            for check in checks:
                check(bench=Bench(stage, of, "latency"), record=lambda *it: taken.extend(it))
        return taken

    return measure


def test_times_are_taken_beside_the_reference_and_beside_the_baseline(measure):
    found = {(it.metric, it.beside): it for it in measure(suite.test_latency)}
    for metric in ("ttft", "itl", "total", "late", "first_token", "gap", "relative_gap"):
        for beside in ("fp32", "old"):
            assert (f"latency.{metric}", beside) in found
    assert ("latency.uptime", "old") not in found  # once is enough
    for metric in ("latency.ttft", "latency.itl", "latency.total"):
        it = found[metric, "fp32"]
        processes = len(dict.fromkeys(it.clusters))
        assert 2 <= processes <= it.planned == 3
        assert len(it.values) == PLAN.latency_pairs * processes


def test_rates_are_of_the_variant_alone(measure):
    alone = {it.metric for it in measure(suite.test_latency, baseline="") if not it.beside}
    assert {"latency.prefill_rate", "latency.decode_rate", "latency.processor"} <= alone


def test_answers_are_as_long_as_the_references_and_some_as_the_longest_allowed(measure):
    [gaps] = [it for it in measure(suite.test_latency, baseline="") if it.metric == "latency.gap"]
    lengths = {gaps.labels.count(name) + 1 for name in gaps.labels}
    # A sentence of eight and its end, what is asked for the uptime, and the items' max_new_tokens.
    assert lengths == {9, 16, ITEMS[0].max_new_tokens}


def test_tails_hold_every_answer_of_every_process_and_the_uptimes_too(measure):
    found = {it.metric: it for it in measure(suite.test_latency, baseline="")}
    firsts, uptime, total = (found[f"latency.{it}"] for it in ("first_token", "uptime", "total"))
    assert len(firsts.values) == len(total.values) + len(uptime.values)
    assert len(uptime.values) >= PLAN.latency_uptime_pairs


def test_beside_itself_a_variant_is_other_processes_and_nothing_is_looked_at(measure):
    found = {it.metric: it for it in measure(suite.test_latency, of="fp32") if it.beside}
    assert not {"latency.late", "latency.uptime"} & found.keys()
    total = found["latency.total"]
    assert (total.beside, total.planned) == ("fp32", 0)
    assert total.values != total.reference_values


def test_loads_are_those_of_the_pairs_that_answered_and_more_where_there_were_none(measure):
    for checks in ([suite.test_latency, suite.test_load_time], [suite.test_load_time]):
        found = {(it.metric, it.beside): it for it in measure(*checks)}
        for metric in ("latency.load", "latency.load_again"):
            for beside in ("fp32", "old"):
                it = found[metric, beside]
                assert len(it.values) == len(set(it.clusters)) == PLAN.load_repetitions
                assert min(it.values) > 0
                opened = found["latency.opening", beside]
                assert opened.clusters == it.clusters
        for load, opened in zip(
            found["latency.load", "fp32"].values,
            found["latency.opening", "fp32"].values,
            strict=True,
        ):
            assert opened > load


def test_threads_of_the_configuration_are_stated_beside_the_references(measure, tmp_path):
    found = {it.metric: it for it in measure(suite.test_threads)}
    assert found["latency.threads"].values == found["latency.threads"].reference_values == (0.0,)
    assert found["latency.thread_settings"].values == (0.0,)


def test_answers_too_short_to_be_timed_are_evidence_against_the_model(measure):
    with pytest.raises(RequestError, match="1 new tokens, which cannot be timed"):
        measure(suite.test_latency, runtime=f"{__name__}:Mute")


def test_a_clock_that_steps_back_is_the_machines_fault(measure):
    with pytest.raises(InfrastructureError, match="clock stepped back"):
        measure(suite.test_latency, runtime=f"{__name__}:Rewound")
