"""A budget of time: the plan that fits into it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.policy import Plan


@dataclass(frozen=True, slots=True)
class Knob:
    """A number of the plan that may be made smaller, as far as its rules can still decide.

    `most` is what 0 means, where it stands for all there is.
    """

    name: str
    least: int
    most: Callable[[int, int], int] | None = None

    def value(self, plan: Plan, context: int, vocabulary: int) -> int:
        """What the plan asks for."""
        found: int = getattr(plan, self.name)
        return found or (self.most(context, vocabulary) if self.most else 0)


def _context(context: int, _: int) -> int:
    return context


def _vocabulary(_: int, vocabulary: int) -> int:
    return vocabulary


KNOBS = (
    Knob("edge_token_ids", 2048, _vocabulary),
    Knob("source_longest_tokens", 512, _context),
    Knob("scaling_longest_tokens", 512, _context),
    Knob("scaling_repetitions", 2),
    Knob("memory_cycles", 15),
    Knob("memory_reloads", 2),
    Knob("latency_uptime_pairs", 40),
    Knob("latency_pairs", 8),
    Knob("precision_items", 50),
    Knob("source_items", 16),
    Knob("edge_examples", 16),
    Knob("edge_chats", 2),
    Knob("contract_prompts", 4),
    Knob("default_items", 8),
)
"""In the order in which equals are made smaller."""


def fitted(
    plan: Plan, seconds: Callable[[Plan], float], budget: float, context: int, vocabulary: int
) -> Plan:
    """The plan made smaller until it takes no longer than the budget, in seconds, or is smallest.

    Each time the number is halved that saves most.
    """
    taken = seconds(plan)
    while taken > budget:
        smaller = _smaller(plan, context, vocabulary)
        costs = [seconds(it) for it in smaller]
        if not costs or min(costs) >= taken:
            break
        plan, taken = smaller[costs.index(min(costs))], min(costs)
    return plan


def _smaller(plan: Plan, context: int, vocabulary: int) -> list[Plan]:
    found = []
    for knob in KNOBS:
        now = knob.value(plan, context, vocabulary)
        if now > knob.least:
            fewer: dict[str, Any] = {knob.name: max(knob.least, math.ceil(now / 2))}
            found.append(replace(plan, **fewer))
    return found


def shortened(before: Plan, after: Plan) -> Mapping[str, tuple[int, int]]:
    """What a budget made smaller, by the plan's names."""
    names = [it.name for it in KNOBS]
    pairs = {it: (getattr(before, it), getattr(after, it)) for it in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
