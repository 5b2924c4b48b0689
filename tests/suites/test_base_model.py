"""Suites on a model that is asked as plain text: what needs chats is absent, all else is asked."""

import json
from dataclasses import replace

import pytest

from harness.bench import Bench
from harness.evidence import NO_CHATS
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Plan, Rule, Severity
from harness.release import Precision, Role
from harness.stage import Stage
from harness.statistic import Statistic
from harness.variant import Recipe, Variant
from suites import test_edge_cases as edge_suite
from suites import test_foundry as foundry_suite
from suites import test_packaging as packaging_suite

ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "x") for n in range(5))
RULE = Rule("", "figure", "", Statistic.TOTAL, severity=Severity.INFO)
RULES = tuple(
    replace(RULE, id=metric, metric=metric)
    for metric in ("foundry.degenerate", "foundry.my_own", "packaging.size")
)


@pytest.fixture
def measure(tmp_path):
    """Run one suite's check on a runtime without a model; the measurements by metric."""
    (tmp_path / "genai_config.json").write_text(json.dumps({"model": {"context_length": 512}}))
    variants = {
        name: Variant(Recipe(name, role, Precision.FP32), tmp_path, {}, "sha256:0")
        for name, role in (("fp32", Role.REFERENCE), ("int4", Role.CANDIDATE))
    }
    handed_in = {}

    def record(*measurements):
        handed_in.update({it.metric: it for it in measurements})

    def measure(check, suite, **fixtures):
        plan = Plan(edge_examples=20)
        factory = "harness.runtimes.scripted:Scripted"
        with Fleet(variants, factory, 60.0, is_chat=False) as fleet:
            stage = Stage(fleet, "fp32", ITEMS, plan, "here", rules=RULES)
            check(bench=Bench(stage, "int4", suite), record=record, **fixtures)
        return handed_in

    return measure


def test_foundry_local_is_not_asked_and_every_rule_about_it_is_told_why(measure):
    found = measure(foundry_suite.test_same_answers, "foundry")
    assert set(found) == {"foundry.same_answers", "foundry.degenerate", "foundry.my_own"}
    assert {it.absence for it in found.values()} == {NO_CHATS}


@pytest.mark.parametrize(
    ("check", "metric"),
    [
        (
            packaging_suite.test_template_speaks_the_tokenizers_language,
            "packaging.template_problems",
        ),
        (packaging_suite.test_chats_are_rendered_as_the_sources, "packaging.chats"),
    ],
)
def test_the_template_is_not_looked_at(measure, check, metric):
    found = measure(check, "packaging")
    assert {name: it.absence for name, it in found.items()} == {metric: NO_CHATS}


def test_a_folder_needs_no_template(measure):
    found = measure(packaging_suite.test_folder_is_complete, "packaging")["packaging.missing"]
    assert not any("template" in label for label in found.labels)


def test_texts_are_explored_and_one_of_nothing_may_be_refused(measure, tmp_path):
    found = measure(edge_suite.test_exploration, "edge_cases", failures=tmp_path / "failures")
    assert found["edge_cases.found"].labels == ("texts",)
    assert found["edge_cases.found"].values == (0.0,)


def test_risks_are_those_of_a_users_message(measure):
    found = measure(edge_suite.test_tokenizer_risks, "edge_cases")
    assert found["edge_cases.nul"].labels == ("a user's message",)
