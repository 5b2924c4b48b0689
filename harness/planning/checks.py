"""The checks of the gate that ask a model, with what each costs; the others only read files."""

from collections.abc import Callable, Mapping

from harness.planning import quality, speed
from harness.planning.cost import Cost
from harness.planning.shape import Shape

CostOf = Callable[[Shape, str], Cost]
"""The cost of a check for a variant, by its name."""

CHECKS: Mapping[str, CostOf] = {
    "latency.latency": speed.latency,
    "latency.load_time": speed.load_time,
    "device.budgets": speed.budgets,
    "memory.memory": speed.memory,
    "memory.context": speed.context,
    "memory.reload": speed.reload,
    "scaling.scaling": speed.scaling,
    "scaling.generation": speed.generation,
    "scaling.source": speed.source_lengths,
    "accuracy.accuracy": quality.accuracy,
    "precision.precision": quality.precision,
    "precision.source": quality.precision_source,
    "edge_cases.edge_cases": quality.edge_cases,
    "edge_cases.tokenizer_risks": quality.tokenizer_risks,
    "edge_cases.vocabulary": quality.vocabulary,
    "edge_cases.exploration": quality.exploration,
    "contracts.sampling": quality.sampling,
    "contracts.repeats": quality.repeats,
    "foundry.same_answers": quality.foundry,
}
"""By ``suite.check``."""

TOGETHER = (
    "memory.memory",
    "memory.context",
    "memory.reload",
    "scaling.generation",
    "edge_cases.edge_cases",
    "edge_cases.tokenizer_risks",
    "edge_cases.vocabulary",
    "edge_cases.exploration",
    "contracts.sampling",
    "contracts.repeats",
)
"""Checks that the first variant of a role makes for all of them, where cores are idle."""

OF_ALL = ("foundry.same_answers",)
"""Checks that the first variant makes for all of the session, where cores are idle."""

IN_ONE_GO = ("precision.precision",)
"""Checks that the first variant makes for all of the session, always."""
