"""The scaling suite on runtimes without a model: what it hands in, and what is made of it."""

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from _pytest.outcomes import Skipped

from harness.answer import Answer, Finish
from harness.bench import Bench
from harness.conditions import Conditions
from harness.errors import InfrastructureError, RequestError
from harness.estimate import estimate
from harness.evidence import Evidence, Subject
from harness.finding import Outcome
from harness.item import Item
from harness.policy import Limit, Plan
from harness.release import Precision, Role
from harness.source_lengths import SourceLengths
from harness.stage import Stage
from harness.store import read_policy
from harness.variant import Recipe, Variant
from harness.verdict import judge_measurements
from suites import test_scaling as suite
from tests.suites import paced, reciting

ROOT = Path(__file__).parent.parent.parent
RULES = tomllib.loads((ROOT / "fixtures" / "policies" / "gate.toml").read_text())["rules"]
POLICY = read_policy(ROOT / "fixtures" / "policies" / "gate.toml")
ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "x") for n in range(5))
ROLES = {"fp32": Role.REFERENCE, "damaged": Role.CANDIDATE, "int4": Role.CANDIDATE}
PLAN = Plan(scaling_repetitions=5, scaling_texts=1)


class Session:
    """Runs the suite for one variant after another, on one stage."""

    def __init__(self, fleet, plan, rules):
        self.stage = Stage(fleet, "fp32", ITEMS, plan, "here", names=tuple(ROLES), rules=rules)

    def measure(self, name):
        taken = {}
        suite.test_scaling(
            bench=Bench(self.stage, name, "scaling"),
            record=lambda *found: taken.update({it.metric: it for it in found}),
        )
        return taken

    def generated(self, name):
        taken = {}
        suite.test_generation(
            bench=Bench(self.stage, name, "scaling"),
            record=lambda *found: taken.update({it.metric: it for it in found}),
        )
        return taken

    def forgets(self, name):
        """The gate's rules on what is generated that a variant breaks, with where it is worst."""
        found = self.generated(name)
        evidence = Evidence("", {it: Subject(role, None) for it, role in ROLES.items()}, "here")
        judged = judge_measurements(tuple(found.values()), name, evidence, POLICY)
        return {it.rule: it.reason for it in judged if it.outcome is Outcome.FAIL}

    def broken(self, name):
        """Ids of the gate's rules that a variant breaks, with where and by how much."""
        found = self.measure(name)
        estimates = {
            key: estimate(found[rule["metric"]], rule["statistic"], 0.9)
            for key, rule in RULES.items()
            if rule["metric"] in found and ROLES[name] in rule.get("roles", ["candidate"])
        }
        limits = {
            key: Limit(RULES[key].get("at_most"), RULES[key].get("at_least"))
            for key in estimates
            if RULES[key].get("severity") != "info"
        }
        return {
            key: (estimates[key].where, estimates[key].value)
            for key, limit in limits.items()
            if not limit.holds(estimates[key].lower) and not limit.holds(estimates[key].upper)
            if not estimates[key].doubt
        }


class Fleet:
    """The runtimes themselves, with no process around them."""

    is_chat = True

    def __init__(self, variants, runtime):
        self.variant = variants.__getitem__
        self.make = getattr(paced, runtime, None) or getattr(reciting, runtime)
        self.runtimes = {}

    def abort(self):
        """Nothing runs."""

    def interrupt(self):
        """Nobody interrupts."""

    def started(self, name, copy=0):
        if (name, copy) not in self.runtimes:
            self.runtimes[name, copy] = self.make()
            self.runtimes[name, copy].load(self.variant(name).directory)
        return self.runtimes[name, copy]

    def ask(self, name, plan, copy=0):
        return [self.started(name, copy).answer(request) for request in plan]

    def encode(self, name, texts):
        return self.started(name).encode(texts)

    def render(self, name, chats):
        return [self.started(name).render(chat) for chat in chats]

    def end_copies(self, name):
        for key in [key for key in self.runtimes if key[0] == name and key[1]]:
            del self.runtimes[key]


@pytest.fixture
def session(tmp_path, monkeypatch):
    """Clocks are made up, so what else the machine does meanwhile disturbs nothing."""
    for module in ("bench", "lengths"):
        monkeypatch.setattr(f"harness.{module}.capture_conditions", lambda: Conditions(0.0, 1))

    def start(runtime, plan=PLAN, rules=(), **contexts):
        for name in ROLES:
            model = {"context_length": contexts.get(name, 300)}
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / "genai_config.json").write_text(json.dumps({"model": model}))
        variants = {
            name: Variant(Recipe(name, role, Precision.FP32), tmp_path / name, {}, "sha256:0")
            for name, role in ROLES.items()
        }
        return Session(Fleet(variants, runtime), plan, rules)

    return start


def test_all_variants_are_measured_once_and_the_reference_beside_nobody(session):
    it = session("Paced")
    mine, theirs = it.measure("int4"), it.measure("fp32")
    assert len(it.stage.climbs) == 1
    assert theirs["scaling.ttft"].reference_values == ()
    assert mine["scaling.ttft"].reference_values == theirs["scaling.ttft"].values
    assert mine["scaling.ttft"].beside == "fp32"
    assert set(theirs) == {
        "scaling.ttft",
        "scaling.itl",
        "scaling.short",
        "scaling.non_finite",
    }
    assert {"scaling.kld", "scaling.top1", "scaling.logit_error"} < set(mine)


def test_a_clean_variant_breaks_no_rule(session):
    it = session("Paced")
    assert it.broken("int4") == it.broken("damaged") == it.broken("fp32") == {}


def test_twice_the_work_from_a_length_on_is_found_by_length_and_factor(session):
    it = session("Doubling")
    broken = it.broken("damaged")
    where, factor = broken["scaling.cliff"]
    assert where == "255 tokens"
    assert factor == pytest.approx(2, rel=0.1)
    assert set(broken) <= {"scaling.cliff", "scaling.exponent"}  # it also grows faster on the whole
    assert it.broken("int4") == {}


def test_a_suspected_length_is_measured_again_and_both_are_kept(session):
    labels = session("Doubling").measure("damaged")["scaling.ttft"].labels
    assert labels.count("255 again") == labels.count("128 again") == 40
    assert labels.count("255") == 10
    assert labels.count("292") == 5


def test_slower_tokens_after_long_prompts_are_found(session):
    broken = session("Dragging").broken("damaged")
    assert broken["scaling.decode_cliff"][0] == "255 tokens"
    assert "scaling.cliff" not in broken


@pytest.mark.parametrize("way", ["Tiring", "LateTiring"])
def test_a_slowdown_that_stays_is_found(session, way):
    it = session(way, rules=POLICY.rules)
    assert it.broken("damaged")["scaling.after_long"][1] == pytest.approx(2, rel=0.1)
    assert it.broken("int4") == {}


def test_a_slowdown_that_stays_is_found_only_where_it_comes_back_in_new_processes(session):
    it = session("Tiring")
    measured = it.measure("damaged")["scaling.short"]
    once = estimate(measured, "change", 0.9)
    assert once.value > 1.8
    assert "1 of the 3 pairs of processes" in once.doubt
    again = session("Tiring", rules=POLICY.rules).measure("damaged")["scaling.short"]
    assert len(set(again.clusters)) == 3


def test_what_was_disturbed_while_a_slowdown_was_taken_again_does_not_count(session, monkeypatch):
    monkeypatch.setattr("harness.lengths.disturbance", lambda *_: "others used all of it")
    it = session("Tiring", rules=POLICY.rules)
    assert set(it.measure("damaged")["scaling.short"].clusters) == {"0"}
    assert it.stage.remarks == [
        "scaling of damaged once more after long prompts was disturbed: others used all of it"
    ]


class Slack:
    """The clock of a session whose budget has so many seconds to spare."""

    total = 300.0

    def __init__(self, slack):
        self.slack = slack


def test_a_slowdown_is_taken_again_only_where_a_budget_has_time_for_a_climb(session):
    it = session("Tiring", rules=POLICY.rules)
    climb = it.measure("damaged") and it.stage.climbs[0]
    whole = sum(times[name].whole_ms for _, times in climb.timings for name in ("damaged", "fp32"))
    for slack, pairs in ((whole / 1e3, 1), (10 * whole / 1e3, 3)):
        it.stage = replace(it.stage, clock=Slack(slack))
        assert len(set(it.measure("damaged")["scaling.short"].clusters)) == pairs
    assert it.stage.cut_short == [
        "the budget of 5.0 min ended scaling of damaged before it was decided"
    ]


def test_logits_that_only_long_prompts_spoil_are_found_where_it_starts(session):
    it = session("Wandering")
    assert it.broken("damaged")["scaling.logits"][0] == "255 tokens"
    assert it.broken("int4") == {}


def test_logits_that_are_not_finite_are_counted_and_compared_nowhere(session):
    it = session("Overflowing")
    found = it.measure("damaged")
    assert sum(found["scaling.non_finite"].values) == 4  # at 255, 256, 257 and 292 tokens
    assert np.isfinite(found["scaling.kld"].values).all()
    sizes = {found["scaling.kld"].labels.count(label) for label in found["scaling.kld"].labels}
    assert len(sizes) == 1
    assert list(it.broken("damaged")) == ["scaling.finite"]


@pytest.mark.parametrize(
    ("runtime", "kind", "message"),
    [
        ("Forgetful", RequestError, "damaged was asked a prompt of 255 tokens, and answered 254"),
        ("Rewound", InfrastructureError, "the clock stepped back"),
    ],
)
def test_what_is_no_measurement_is_said_and_keeps_nobody_else(session, runtime, kind, message):
    it = session(runtime)
    with pytest.raises(kind, match=message):
        it.measure("damaged")
    assert it.broken("int4") == {}


def test_a_context_shorter_than_the_shortest_prompt_is_a_reason(session):
    it = session("Paced", damaged=39)
    with pytest.raises(Skipped, match="39 tokens does not hold the shortest prompt, 32 tokens"):
        it.measure("damaged")
    assert it.broken("int4") == {}


def test_a_reference_with_a_short_context_keeps_everybody_from_being_compared(session):
    it = session("Paced", fp32=39)
    for name in ROLES:
        with pytest.raises(Skipped):
            it.measure(name)


def test_a_plan_that_ends_the_ladder_early_is_remarked_once(session):
    it = session("Paced", Plan(scaling_repetitions=2, scaling_texts=1, scaling_longest_tokens=64))
    assert set(it.measure("int4")["scaling.ttft"].labels) == {"32", "48", "64"}
    it.measure("damaged")
    assert len(it.stage.remarks) == 1
    assert "the context holds 300" in it.stage.remarks[0]


def test_a_reference_that_refuses_is_not_its_candidates_fault(session):
    it = session("Paced")
    fleet = it.stage.fleet
    ask, refusal = fleet.ask, Answer(finish=Finish.ERROR, error="no")

    def refuse(name, plan, copy=0):
        return [refusal for _ in plan] if name == "fp32" else ask(name, plan, copy)

    fleet.ask = refuse
    for name in ROLES:
        with pytest.raises(RequestError, match="fp32 refused a prompt of 32 tokens: no") as raised:
            it.measure(name)
        assert raised.value.variant == "fp32"


def test_who_generates_what_it_reads_forgets_nothing(session):
    it = session("Reciting")
    for name in ROLES:
        assert it.forgets(name) == {}
    assert set(it.generated("fp32")) < set(it.generated("int4"))
    assert len(it.stage.recited) == 2


@pytest.mark.parametrize(
    ("runtime", "rule"),
    [
        ("WrongAfterFirst", "scaling.generated"),
        ("LosesTokens", "scaling.decode"),
        ("TruncatesChats", "scaling.heeded"),
    ],
)
def test_what_long_chats_lose_is_found_by_length_and_blamed_on_nobody_else(session, runtime, rule):
    it = session(runtime)
    [(_, reason)] = [item for item in it.forgets("damaged").items() if item[0] == rule]
    assert re.search(r" 2\d\d tokens: ", reason)
    assert it.forgets("int4") == it.forgets("fp32") == {}


def test_the_place_that_is_not_read_is_named(session):
    reason = session("TruncatesChats").forgets("damaged")["scaling.heeded"]
    assert "at the beginning of 2" in reason


def test_steps_that_are_not_finite_are_counted_and_compared_nowhere(session):
    it = session("NotFinite")
    assert list(it.forgets("damaged")) == ["scaling.generated_finite"]
    assert len(it.generated("damaged")["scaling.decode"].values) == 1


def test_lengths_that_the_source_is_not_asked_leave_it_open_and_what_was_seen_stands(
    session, monkeypatch, tmp_path
):
    seen = SourceLengths({64: 0.5}, "The source was not compared at 8,192 tokens")
    monkeypatch.setattr(suite, "source_lengths", lambda bench: seen)
    it = session("Paced")
    it.stage = replace(it.stage, source=tmp_path)
    taken = []
    with pytest.raises(InfrastructureError, match="not compared at 8,192"):
        suite.test_source(Bench(it.stage, "fp32", "scaling"), lambda *found: taken.extend(found))
    assert [(it.values, it.labels) for it in taken] == [((0.5,), ("64 tokens",))]


def test_a_runtime_that_tells_no_steps_is_not_passed(session):
    with pytest.raises(InfrastructureError, match="the runtime of fp32 tells no logits"):
        session("Silent").generated("fp32")


def test_a_context_without_room_for_a_chat_is_a_reason(session):
    with pytest.raises(Skipped, match="holds no long chat"):
        session("Reciting", fp32=100).generated("fp32")


def test_what_leaves_a_guard_in_doubt_is_measured_on_in_new_processes(session):
    cliff = [it for it in POLICY.rules if it.id == "scaling.cliff"]
    plan = replace(PLAN, scaling_turns=6)
    found = session("Wavering", plan, cliff).measure("damaged")["scaling.ttft"]
    turns = set(found.clusters) - {"0"}
    assert 1 < len(turns) <= 6
    pairs = zip(found.clusters, found.labels, strict=True)
    assert {pair for pair, label in pairs if "again" in label} <= turns
