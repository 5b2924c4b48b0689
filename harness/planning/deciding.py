"""What a bank can decide, said before it is asked: which losses its items show, and how surely."""

from collections import Counter
from collections.abc import Sequence

import scipy

from harness.exam_ruling import least_lost
from harness.item import Item
from harness.policy import Rule, Severity
from harness.statistic import Statistic
from harness.stats.betting import items_needed

_CHURN = 0.04  # of answers that change though nothing is worse: typical of clean int4
_LOST = 0.15  # of a slice


def decidable(rules: Sequence[Rule], items: Sequence[Item]) -> list[str]:
    """Sentences on the rules that compare scores with the reference's."""
    found = []
    for rule in rules:
        limit = rule.limit(None)
        if limit is None or rule.severity is Severity.INFO:
            continue
        if rule.statistic is Statistic.SEQUENTIAL_GAIN:
            needed = items_needed(_CHURN, -limit.value / 100)
            found.append(
                f"{rule.id}: that no more than {-limit.value:g} points are lost is shown 8 times "
                f"of 10 by {needed:,} items, where {100 * _CHURN:g} % of the answers change and "
                f"none is lost; the bank has {len(items):,}"
            )
        if rule.statistic is Statistic.WORST_SLICE:
            found += _slices(rule, -limit.value, items)
    return found


def _slices(rule: Rule, allowed: float, items: Sequence[Item]) -> list[str]:
    sizes = Counter(it.slice for it in items)
    limit = rule.limit(None)
    if len(sizes) < 2 or limit is None:
        return []
    name, size = min(sizes.items(), key=lambda it: it[1])
    needed = least_lost(limit, len(sizes), len(items) - size)(size)
    power = float(scipy.special.bdtrc(needed - 1, size, _LOST)) if needed <= size else 0.0
    return [
        f"{rule.id}: a loss of {100 * _LOST:g} % of the smallest slice, {name} of {size:,} items, "
        f"is seen {100 * power:.0f} times of 100"
    ]
