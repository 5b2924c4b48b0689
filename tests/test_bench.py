import itertools
import threading
from dataclasses import replace

import pytest

from harness.bench import Bench
from harness.conditions import Conditions
from harness.errors import InfrastructureError
from harness.evidence import NOT_JUDGED
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Plan, Rule
from harness.release import Precision, Role
from harness.soak import PEAK_CYCLES, Kind, soak
from harness.source import SourceFacts
from harness.source_cache import SourceCache
from harness.stage import Stage
from harness.statistic import Statistic
from harness.variant import Recipe, Variant

ITEMS = tuple(
    Item(f"item-{n}", (("user", f"question {n}"),), "x", slice="ab"[n % 2]) for n in range(12)
)
ROLES = {"fp32": Role.REFERENCE, "int4": Role.CANDIDATE, "old": Role.BASELINE}


@pytest.fixture
def bench(tmp_path):
    variants = {
        name: Variant(Recipe(name, role, Precision.FP32), tmp_path, {}, "sha256:0")
        for name, role in ROLES.items()
    }
    with Fleet(variants, "harness.runtimes.scripted:Scripted", 60.0) as fleet:
        plan = Plan(memory_cycles=3, precision_items=5)
        stage = Stage(fleet, "fp32", ITEMS, plan, "here", baseline="old")
        yield Bench(stage, "int4", "latency")


def of(bench, name):
    return Bench(bench._stage, name, "latency")


def test_a_candidate_is_compared_with_the_reference_and_the_baseline(bench):
    assert bench.rivals == ("fp32", "old")
    assert of(bench, "fp32").rivals == of(bench, "old").rivals == ("fp32",)


def conditions(*busy_seconds):
    """One after the other, a second and so many more busy ones apart, none of them ours."""
    return iter(
        Conditions(float(at), 1, busy_seconds=busy, own_seconds=0.0)
        for at, busy in enumerate(itertools.accumulate(busy_seconds))
    )


@pytest.mark.parametrize(
    ("busy_seconds", "taken", "why"),
    [
        ((0, 0), ["once"], ""),
        ((0, 1, 0, 0), ["once", "twice"], ""),
        ((0, 1, 0, 1), ["once", "twice"], "others used"),
    ],
)
def test_what_was_disturbed_is_measured_once_more(bench, monkeypatch, busy_seconds, taken, why):
    moments = conditions(*busy_seconds)
    monkeypatch.setattr("harness.bench.capture_conditions", lambda: next(moments))
    attempts = iter(["once", "twice"])
    found, disturbance = bench.undisturbed(lambda: next(attempts), "beside fp32")
    assert found == taken[-1]
    assert disturbance.startswith(why)
    assert bool(disturbance) == bool(why)
    assert len(bench._stage.remarks) == len(taken) - 1 + bool(why)


def test_an_item_is_asked_once_a_session_and_only_when_it_is_wanted(bench):
    first = bench.replies(2)
    assert len(first) == 2
    everything = bench.replies()
    assert everything[0] is first[0]
    assert len(everything) == len(ITEMS)
    texts = [it.answer.text for it in bench.reference_replies()]
    assert [it.answer.text for it in everything] == texts


def test_the_source_is_asked_once_a_session_and_so_is_why_it_cannot_be(bench, monkeypatch):
    calls = []

    def refuse(*asked):
        calls.append(asked)
        raise InfrastructureError("transformers is not installed")

    monkeypatch.setattr("harness.stage.ask_source", refuse)
    bench._stage = replace(bench._stage, source=bench.variant.directory)
    for _ in range(2):
        with pytest.raises(InfrastructureError, match="not installed"):
            bench.source_facts()
    assert len(calls) == 1
    assert [it.label for it in calls[0][0].passages] == [it.id for it in ITEMS]


def test_all_are_taken_to_foundry_local_at_the_same_time_and_once(bench, monkeypatch):
    both, visited = threading.Barrier(2, timeout=10), []

    def meet(fleet, name, *asked):
        both.wait()
        visited.append(name)
        return f"visit of {name}"

    monkeypatch.setattr("harness.bench.visit", meet)
    monkeypatch.setattr("harness.stage.Stage.together_at_once", 2)
    bench._stage = replace(bench._stage, names=("fp32", "int4"))
    assert bench.visit_foundry("fp32") == "visit of fp32"
    other = Bench(bench._stage, "fp32", "foundry")
    assert [it.visit_foundry() for it in (bench, other)] == ["visit of int4", "visit of fp32"]
    assert sorted(visited) == ["fp32", "int4"]


def test_what_the_source_says_is_that_of_today(bench, monkeypatch):
    monkeypatch.setattr("harness.stage.ask_source", lambda *asked: "asked")
    monkeypatch.setattr("harness.stage.renewed", lambda facts, *_: f"{facts} again")
    bench._stage = replace(bench._stage, source=bench.variant.directory)
    assert [bench.source_facts() for _ in range(2)] == ["asked again", "asked again again"]


def test_what_the_source_said_before_is_told_with_its_day(bench, monkeypatch, tmp_path_factory):
    calls, root = [], tmp_path_factory.mktemp("source")

    def answer(asked, *_):
        calls.append(asked)
        return SourceFacts(asked, {}, kld=(0.5,))

    monkeypatch.setattr("harness.stage.ask_source", answer)
    monkeypatch.setattr("harness.stage.renewed", lambda facts, *_: facts)
    stages = [
        replace(
            bench._stage,
            source=bench.variant.directory,
            source_cache=SourceCache(root, {"variant": "sha256:0"}),
            facts=[],
            remarks=[],
        )
        for _ in range(2)
    ]
    told = [Bench(stage, "int4", "precision").source_facts() for stage in stages for _ in range(2)]
    assert {facts.kld for facts in told} == {(0.5,)}
    assert len(calls) == 1
    assert stages[0].remarks == []
    [remark] = stages[1].remarks
    assert remark.startswith("The source was not asked about token ids and the reference's answers")
    assert remark.endswith(f"kept from a session of {told[-1].kept_from}")


def test_a_peak_is_soaked_once_whoever_asks_first(bench, tmp_path, monkeypatch):
    (tmp_path / "genai_config.json").write_text('{"model": {"context_length": 300}}')
    cycle = bench.soak_cycles()[Kind.ANSWERED]
    with bench.fresh() as runtime:
        found = bench.soak(runtime, Kind.ANSWERED, cycle)
    assert len(found.samples) == 3
    theirs = bench.peak_bytes("fp32")
    monkeypatch.setattr(bench, "fresh", None)
    assert bench.peak_bytes("fp32") == theirs > 0
    assert bench.peak_bytes("int4") == found.peak_bytes(3) > found.samples[0].private_bytes


def test_what_is_soaked_for_its_peak_alone_is_soaked_briefly(bench, tmp_path, monkeypatch):
    (tmp_path / "genai_config.json").write_text('{"model": {"context_length": 300}}')
    bench._stage = replace(bench._stage, plan=replace(bench.plan, memory_cycles=9))
    runs = []

    def short(runtime, kind, cycle, run):
        runs.append(run.cycles)
        return soak(runtime, kind, cycle[:1], run)

    monkeypatch.setattr("harness.soak.soak", short)
    assert bench.peak_bytes("fp32") > 0
    assert runs == [PEAK_CYCLES] * 2


def test_a_long_prompt_has_exactly_the_length_asked_for(bench):
    assert [len(bench.long_prompt(length)) for length in (1, 7, 500)] == [1, 7, 500]


def test_a_measurement_is_of_this_suite_variant_and_place(bench):
    it = bench.sample("ttft", "ms", [1], [2])
    assert (it.metric, it.variant, it.environment) == ("latency.ttft", "int4", "here")
    assert (it.values, it.reference_values) == ((1.0,), (2.0,))


def test_what_rules_are_about_is_judged_of_the_roles_that_they_name(bench):
    rule = Rule("memory.growth", "growth", "memory.private", Statistic.GROWTH, at_most=0.25)
    stage = replace(bench._stage, rules=(rule,))
    candidate, reference = (Bench(stage, name, "memory") for name in ("int4", "fp32"))
    assert candidate.is_judged("private", "heap")
    assert candidate.is_judged("given_back")  # what is required of it must run
    assert not reference.is_judged("private")
    assert reference.unjudged("private").absence == NOT_JUDGED
