"""A budget of time: the plan that fits into it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.clock import CheckOf
from harness.policy import Plan


@dataclass(frozen=True, slots=True)
class Reducible:
    """A number of the plan that may be made smaller, as far as its rules can still decide.

    `most` is all there is, where 0 stands for that. With `narrows` less is looked at, so that a
    fault may lie in what is left out, or what passes for want of evidence passes more; else the
    same is measured less surely, and the rules say so.
    """

    name: str
    least: int
    narrows: bool = False
    most: Callable[[int, int], int] | None = None

    def value(self, plan: Plan, context: int, vocabulary: int) -> int:
        """What the plan asks for."""
        found: int = getattr(plan, self.name)
        if self.most is None:
            return found
        most = self.most(context, vocabulary)
        return min(found or most, most)


def _context(context: int, _: int) -> int:
    return context


def _vocabulary(_: int, vocabulary: int) -> int:
    return vocabulary


REDUCIBLE = (
    Reducible("edge_token_ids", 2048, True, _vocabulary),
    Reducible("source_longest_tokens", 512, True, _context),
    Reducible("scaling_longest_tokens", 512, True, _context),
    Reducible("scaling_repetitions", 2),
    Reducible("memory_cycles", 15),
    Reducible("memory_reloads", 3),
    Reducible("latency_uptime_pairs", 40, True),
    Reducible("latency_pairs", 8, True),
    Reducible("precision_items", 50),
    Reducible("source_items", 16, True),
    Reducible("edge_examples", 16, True),
    Reducible("edge_chats", 2, True),
    Reducible("contract_prompts", 4, True),
    Reducible("default_items", 8, True),
)
"""In the order in which equals are made smaller."""


def fitted(
    plan: Plan, seconds: Callable[[Plan], float], budget: float, context: int, vocabulary: int
) -> Plan:
    """The plan made smaller until it takes no longer than the budget, in seconds, or is smallest.

    Each time the number is halved that saves most; of those that narrow, which leave a session
    undecided, only when all others are smallest.
    """
    taken = seconds(plan)
    for narrows in (False, True):
        while taken > budget:
            smaller = _smaller(plan, context, vocabulary, narrows)
            costs = [seconds(it) for it in smaller]
            if not costs or min(costs) >= taken:
                break
            plan, taken = smaller[costs.index(min(costs))], min(costs)
    return plan


def affordable(seconds: Mapping[CheckOf, float], budget: float) -> list[CheckOf]:
    """The checks of the suites that fit into the budget, each suite whole, first come first; a
    later one that is cheaper fits where an earlier one does not.
    """
    suites: dict[str, list[CheckOf]] = {}
    for check in seconds:
        suites.setdefault(check[0].partition(".")[0], []).append(check)
    found, left = list[CheckOf](), budget
    for checks in suites.values():
        cost = sum(seconds[it] for it in checks)
        if cost <= left:
            found, left = [*found, *checks], left - cost
    return found


def _smaller(plan: Plan, context: int, vocabulary: int, narrows: bool) -> list[Plan]:
    found = []
    for number in REDUCIBLE:
        if number.narrows is not narrows:
            continue
        now = number.value(plan, context, vocabulary)
        if now > number.least:
            fewer: dict[str, Any] = {number.name: max(number.least, math.ceil(now / 2))}
            found.append(replace(plan, **fewer))
    return found


@dataclass(frozen=True, slots=True)
class Reduced:
    """A number of the plan that was made smaller; 0 before is all there is."""

    name: str
    before: int
    after: int
    narrows: bool

    def __str__(self) -> str:
        return f"{self.name} {self.after:,}, not {self.before or 'all'}"


def reduced(before: Plan, after: Plan) -> list[Reduced]:
    """What was made smaller between two plans."""
    found = [
        Reduced(it.name, getattr(before, it.name), getattr(after, it.name), it.narrows)
        for it in REDUCIBLE
    ]
    return [it for it in found if it.before != it.after]
