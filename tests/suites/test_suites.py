"""Suites on a runtime without a model: what they hand in when it behaves oddly."""

import json

import pytest

from harness.answer import Request
from harness.bench import Bench
from harness.errors import InfrastructureError, RequestError
from harness.evidence import NOT_JUDGED
from harness.fleet import Fleet
from harness.item import Item
from harness.metrics.edge_cases import Expected
from harness.policy import Plan
from harness.release import Precision, Role
from harness.stage import Stage
from harness.variant import Recipe, Variant
from suites import test_edge_cases as edge_suite
from suites import test_precision as precision_suite

ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "x") for n in range(5))


@pytest.fixture
def measure(tmp_path):
    """Run one suite's check on a runtime of this folder; the measurements by metric."""
    (tmp_path / "genai_config.json").write_text(json.dumps({"model": {"context_length": 300}}))
    variants = {
        name: Variant(Recipe(name, role, Precision.FP32), tmp_path, {}, "sha256:0")
        for name, role in (("fp32", Role.REFERENCE), ("int4", Role.CANDIDATE))
    }
    handed_in = {}

    def record(*measurements):
        handed_in.update({it.metric: it for it in measurements})

    def measure(check, suite, runtime="Silent", name="int4", hear=None, **fixtures):
        plan = Plan(precision_items=5)
        with Fleet(variants, f"tests.suites.silent:{runtime}", 60.0, hear) as fleet:
            bench = Bench(Stage(fleet, "fp32", ITEMS, plan, "here"), name, suite)
            check(bench=bench, record=record, **fixtures)
        return handed_in

    return measure


def test_logits_that_were_not_looked_at_are_not_counted_as_finite(measure):
    with pytest.raises(InfrastructureError, match="gives no logits to compare"):
        measure(precision_suite.test_precision, "precision")


def test_a_model_that_refuses_every_request_does_not_pass_the_odd_ones(measure):
    odd = {"empty": (Request(text=""), Expected.EITHER)}
    with pytest.raises(RequestError, match="a normal request was refused: no"):
        measure(edge_suite.test_edge_cases, "edge_cases", "Refusing", edge_cases=lambda bench: odd)


def test_an_odd_request_and_its_problem_are_named_in_the_evidence(measure):
    odd = {
        "fine": (Request(text="a"), Expected.EITHER),
        "long": (Request(token_ids=(5,) * 9), Expected.ERROR),
    }
    found = measure(edge_suite.test_edge_cases, "edge_cases", edge_cases=lambda bench: odd)
    found = found["edge_cases.broken"]
    assert found.values == (0.0, 1.0)
    assert found.labels == ("fine", "long (it was answered ('') where an error is right)")


def test_a_reference_that_nobody_judges_is_asked_what_users_would_read_and_once(measure):
    odd = {
        "chat": (Request((("user", "a"),)), Expected.ANSWER),
        "tokens": (Request(token_ids=(5,) * 9), Expected.ERROR),
        "stopped": (Request((("user", "b"),), cancel_after=1), Expected.ANSWER),
    }
    heard = []
    found = measure(
        edge_suite.test_edge_cases,
        "edge_cases",
        name="fp32",
        hear=lambda name, plan, answers: heard.extend((name, it.messages) for it in plan),
        edge_cases=lambda bench: odd,
    )
    assert heard == [("fp32", (("user", "a"),))]
    assert found["edge_cases.broken"].absence == NOT_JUDGED


def test_special_tokens_that_nobody_names_are_not_measured(measure):
    found = measure(edge_suite.test_tokenizer_risks, "edge_cases")
    assert found["edge_cases.special_tokens"].absence
    assert found["edge_cases.no_token"].absence
    assert set(found["edge_cases.nul"].values) == {0.0}


def test_the_smallest_failing_text_and_chat_are_named_in_the_evidence(measure, tmp_path):
    explored = measure(edge_suite.test_exploration, "edge_cases", failures=tmp_path / "failures")
    found = explored["edge_cases.found"]
    assert found.values == (0.0, 1.0)  # its configuration says 300 tokens, and it bears more
    assert found.labels == (
        "texts",
        "chat: ask for too much (a prompt over the context was answered (''))",
    )
    assert min(explored["edge_cases.explored"].values) > 0
    assert [it.name for it in tmp_path.iterdir() if it.name in ("failures", "int4")] == ["int4"]
