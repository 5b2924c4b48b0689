"""What users type by accident or on purpose."""

import pytest

from harness.answer import Request
from harness.bank import question
from harness.bench import Bench
from harness.exam import require_answers
from harness.metrics.edge_cases import broken_promise
from harness.plugins.measure import Record


def test_edge_cases(bench: Bench, edge_cases: dict[str, Request], record: Record) -> None:
    """Each case ends in sane text or a clean error, and the next normal request is as before."""
    normal = question(bench.items[0])
    [before] = require_answers(bench.variant.name, bench.ask([normal]))
    plan = [request for case in edge_cases.values() for request in (case, normal)]
    answers = bench.ask(plan)
    broken = {
        name: problem
        for name, odd, after in zip(edge_cases, answers[::2], answers[1::2], strict=True)
        if (problem := broken_promise(edge_cases[name], odd, before, after))
    }
    record(
        bench.sample(
            "broken", "count", [name in broken for name in edge_cases], labels=list(edge_cases)
        )
    )
    if broken:
        pytest.fail("; ".join(f"{name}: {why}" for name, why in broken.items()), pytrace=False)
