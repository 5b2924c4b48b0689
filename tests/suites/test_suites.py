"""Suites on a runtime without a model: what they hand in when it behaves oddly."""

import json

import pytest

from harness.answer import Request
from harness.bench import Bench, Stage
from harness.errors import RequestError
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Plan
from harness.release import Precision, Role
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

    def measure(check, suite, runtime="Silent", **fixtures):
        plan = Plan(precision_items=5)
        with Fleet(variants, f"tests.suites.silent:{runtime}", 60.0) as fleet:
            bench = Bench(Stage(fleet, "fp32", ITEMS, plan, "here"), "int4", suite)
            check(bench=bench, record=record, **fixtures)
        return handed_in

    return measure


def test_logits_that_were_not_looked_at_are_not_counted_as_finite(measure):
    found = measure(precision_suite.test_precision, "precision")
    assert found["precision.non_finite"].values == ()


def test_a_model_that_refuses_every_request_does_not_pass_the_odd_ones(measure):
    odd = {"empty": Request(text="")}
    with pytest.raises(RequestError, match="int4 refused a request: no"):
        measure(edge_suite.test_edge_cases, "edge_cases", "Refusing", edge_cases=odd)
