"""A finding: what one rule or check says of one variant, and the sentence that says why."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.policy import Limit, Rule, Severity
from harness.statistic import Statistic
from harness.stats.intervals import Estimate

RATIOS = {
    Statistic.RATIO,
    Statistic.P95_RATIO,
    Statistic.P99_RATIO,
    Statistic.MEAN_RATIO,
    Statistic.DRIFT,
    Statistic.PERPLEXITY_RATIO,
    Statistic.PEAK_RATIO,
    Statistic.WORST_CLIFF,
    Statistic.WORST_DECODE_CLIFF,
    Statistic.CHANGE,
    Statistic.WORST_STEP,
    Statistic.WORST_EXCESS,
}
_GAINS = {Statistic.GAIN, Statistic.SEQUENTIAL_GAIN, Statistic.WORST_SLICE, Statistic.WORST_DROP}


class Outcome(StrEnum):
    """How a finding came out; what is waived failed, and the policy says why that is accepted.

    What needs chats is not applicable to a model that has none.
    """

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    WAIVED = "waived"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the report; figures are None where nothing was measured.

    `interval` may have an infinite end. `reason` is one sentence for a release manager.
    """

    rule: str
    suite: str
    severity: Severity
    outcome: Outcome
    reason: str
    measured: float | None = None
    interval: tuple[float, float] | None = None
    limit: float | None = None
    unit: str = ""

    @property
    def decides(self) -> bool:
        """Whether it can turn the verdict; all else is only in the report."""
        is_shown = self.outcome in (Outcome.WAIVED, Outcome.NOT_APPLICABLE)
        return self.severity is not Severity.INFO and not is_shown


def against(findings: Sequence[Finding]) -> list[Finding]:
    """What stands against a GO: failures first, then what is undecided."""
    return [
        it
        for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)
        for it in findings
        if it.outcome is outcome and it.decides
    ]


def waived(findings: Sequence[Finding]) -> list[Finding]:
    """What failed and is accepted by the policy: risks that a reader must know of."""
    return [it for it in findings if it.outcome is Outcome.WAIVED]


def not_applicable(findings: Sequence[Finding]) -> list[Finding]:
    """What was not asked, for it makes no sense of this model."""
    return [it for it in findings if it.outcome is Outcome.NOT_APPLICABLE]


def noted(findings: Sequence[Finding]) -> list[Finding]:
    """What decides nothing, and is beyond what the policy takes for usual."""
    return [it for it in findings if it.outcome is Outcome.FAIL and it.severity is Severity.INFO]


def unit_of(statistic: Statistic, unit: str) -> str:
    """The unit of a statistic of values in `unit`."""
    if statistic in RATIOS:
        return "ratio"
    if statistic in _GAINS:
        return "points"
    if statistic in (Statistic.SHARE, Statistic.SCORE):
        return "share"
    return {
        Statistic.GROWTH: f"{unit}/request",
        Statistic.HOURS_TO_FILL: "hours",
        Statistic.SLOPE: f"{unit}/1,000 tokens",
        Statistic.EXCESS: "points",
        Statistic.NEW_FAULTS: "points",
        Statistic.BEYOND_CHANCE: "points",
        Statistic.EXPONENT_GAIN: "",
        Statistic.PERPLEXITY: "",
        Statistic.COST_LINEAR: f"{unit}/1,000 tokens",
        Statistic.COST_QUADRATIC: f"{unit}/1,000 tokens squared",
    }.get(statistic, unit)


def quantity(value: float, unit: str) -> str:
    """A figure as a person reads it: "96.8 %", "1.04 x", "0.31 ms"."""
    if not math.isfinite(value):
        return "unbounded" if math.isinf(value) else "not a number"
    if unit == "share":
        return f"{100 * value:.4g} %"
    digits = 4 if unit == "ratio" and value >= 1 else 3  # 1.103 is not 1.10
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"
    return {"ratio": f"{number} x", "count": number}.get(unit, f"{number} {unit}".rstrip())


def change(ratio: float) -> str:
    """A ratio of at least 1 as a person speaks of a slowdown: "2.1 %"."""
    return f"{100 * (ratio - 1):.2g} %" if math.isfinite(ratio) else "any factor"


def bound(limit: Limit, unit: str) -> str:
    """A limit as a person reads it."""
    side = "at most" if limit.at_most is not None else "at least"
    return f"{side} {quantity(limit.value, unit)}"


def figure(found: Estimate, unit: str) -> str:
    """An estimate with its interval, where it has one."""
    text = quantity(found.value, unit)
    is_unknown = math.isinf(found.lower) and math.isinf(found.upper)
    if found.lower == found.upper or is_unknown:
        return text
    return f"{text} ({quantity(found.lower, unit)} to {quantity(found.upper, unit)})"


def sentence(rule: Rule, limit: Limit | None, outcome: Outcome, found: Estimate, unit: str) -> str:
    """Why a rule came out as it did."""
    place = f" at {found.where}" if found.where else ""
    text = f"{rule.subject}{place}: {figure(found, unit)}"
    if limit is None:
        return text
    if outcome is Outcome.PASS:
        shown = limit.holds(found.lower) and limit.holds(found.upper)
        return f"{text}, {'' if shown else 'no evidence against '}{bound(limit, unit)}"
    hint = f"; {rule.hint}" if rule.hint else ""
    if outcome is Outcome.FAIL and rule.severity is Severity.INFO:
        side = "over" if limit.at_most is not None else "under"
        return f"{text}, {side} {quantity(limit.value, unit)}{hint}"
    if outcome is Outcome.FAIL:
        return f"{text}, but must be {bound(limit, unit)}{hint}"
    doubt = f", {found.doubt}," if found.doubt else ""
    question = f"whether it is {bound(limit, unit)}"
    if not found.is_bounded and not doubt:
        return f"{rule.subject}{place}: {found.samples} values are too few to decide {question}"
    return f"{text}{doubt} does not decide {question}: measure more or quieter"
