"""The variants of a release beside each other: which are needless, and which to take."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.finding import Finding, Outcome
from harness.release import Precision, Role
from harness.report import VariantReport
from harness.stats.intervals import Estimate, exact, unbounded
from harness.stats.pareto import Axis, dominates
from harness.verdict import Decision

_BITS = {Precision.FP32: 32, Precision.FP16: 16, Precision.INT8: 8, Precision.INT4: 4}

SIZE = Axis("size", 0.01)
_RATIOS = {  # beside the reference's, by rule
    "latency.itl": Axis("time between tokens", 0.05),
    "latency.ttft": Axis("time to first token", 0.05),
    "memory.peak": Axis("peak memory", 0.05),
}
_DISTANCES = {
    "accuracy.gain": Axis("lost points of accuracy", 1.0, is_ratio=False),
    # 0.005 nats are half a percent of perplexity.
    "precision.kld": Axis("divergence", 0.005, is_ratio=False),
}
_RULES = {**_RATIOS, **_DISTANCES}
_LARGER_IS_BETTER = ("accuracy.gain",)


@dataclass(frozen=True, slots=True)
class Contender:
    """A variant with its figures by rule; `problem` says why it has none.

    `lost` and `won` count the flips: items that the reference alone has right, and it alone.
    """

    name: str
    role: Role
    decision: Decision
    precision: Precision | None
    size_bytes: int
    findings: Mapping[str, Finding]
    problem: str = ""
    lost: int = 0
    won: int = 0

    def known(self, rule: str) -> Finding | None:
        """A finding that has a figure."""
        found = self.findings.get(rule)
        return None if found is None or found.measured is None else found


@dataclass(frozen=True, slots=True)
class Excess:
    """By how much one variant is worse than another: a factor where the axis is of ratios."""

    axis: Axis
    amount: float


@dataclass(frozen=True, slots=True)
class Dominated:
    """A variant, another that is as good in everything, and in what that one is better."""

    name: str
    by: str
    excesses: tuple[Excess, ...]
    others: tuple[str, ...] = ()  # that dominate it as well


@dataclass(frozen=True, slots=True)
class Comparison:
    """All variants, in the release's order.

    `recommended` is the smallest candidate that is GO, empty where none is. `undecided` are smaller
    ones of which it is not known.
    """

    contenders: tuple[Contender, ...]
    dominated: tuple[Dominated, ...]
    recommended: str
    undecided: tuple[str, ...]

    @property
    def reference(self) -> Contender | None:
        """The full-precision variant that the others are compared with."""
        return next((it for it in self.contenders if it.role is Role.REFERENCE), None)

    def size_ratio(self, it: Contender) -> float | None:
        """Size over the reference's; None where there is no variant, or no reference."""
        theirs = self.reference.size_bytes if self.reference else 0
        return it.size_bytes / theirs if it.size_bytes and theirs else None

    def claimed_ratio(self, it: Contender) -> float | None:
        """What is commonly claimed of it: bits for bits; None where a precision is not known."""
        theirs = self.reference.precision if self.reference else None
        return _BITS[it.precision] / _BITS[theirs] if it.precision and theirs else None


def compare(variants: Mapping[str, VariantReport]) -> Comparison:
    """The comparison of a report's variants."""
    contenders = tuple(_contender(name, it) for name, it in variants.items())
    passing = [it for it in contenders if _may_go(it, Decision.GO)]
    best = min(passing, key=lambda it: it.size_bytes, default=None)
    undecided = [
        it.name
        for it in contenders
        if _may_go(it, Decision.INCONCLUSIVE) and (best is None or it.size_bytes < best.size_bytes)
    ]
    return Comparison(
        contenders, _dominated(contenders), best.name if best else "", tuple(undecided)
    )


def _may_go(it: Contender, decision: Decision) -> bool:
    return it.role is Role.CANDIDATE and it.decision is decision and it.size_bytes > 0


def _contender(name: str, it: VariantReport) -> Contender:
    findings = {finding.rule: finding for finding in it.findings}
    absent = findings.get("session.variant")
    problem = absent.reason if absent and not it.digest else ""
    lost = sum(flip.is_loss for flip in it.flips)
    return Contender(
        name=name,
        role=it.role,
        decision=it.verdict,
        precision=it.precision,
        size_bytes=it.size_bytes,
        findings=findings,
        problem=problem,
        lost=lost,
        won=len(it.flips) - lost,
    )


def _dominated(contenders: tuple[Contender, ...]) -> tuple[Dominated, ...]:
    """Every variant but the reference that another is shown to make needless."""
    rules = [rule for rule in _RULES if any(it.known(rule) for it in contenders)]
    if not rules:
        return ()  # two sizes are no comparison
    axes = [SIZE, *(_RULES[rule] for rule in rules)]
    there = [it for it in contenders if it.size_bytes]
    figures = {it.name: [exact(it.size_bytes, 1), *_figures(it, rules)] for it in there}
    winners = {
        it.name: [one for one in there if dominates(axes, figures[one.name], figures[it.name])]
        for it in there
        if it.role is not Role.REFERENCE
    }
    needless = {name for name, found in winners.items() if found}
    return tuple(
        _told(it, sorted(winners[it.name], key=_likeness(it, needless)), axes, figures)
        for it in there
        if it.name in needless
    )


def _likeness(it: Contender, needless: set[str]) -> Callable[[Contender], tuple[bool, bool, int]]:
    """Sorts first who is not needless itself, then who is most like it: in precision, in size."""

    def key(one: Contender) -> tuple[bool, bool, int]:
        differs = one.precision is not it.precision
        return one.name in needless, differs, abs(one.size_bytes - it.size_bytes)

    return key


def _told(
    it: Contender,
    winners: Sequence[Contender],
    axes: Sequence[Axis],
    figures: Mapping[str, Sequence[Estimate]],
) -> Dominated:
    first, *others = (winner.name for winner in winners)
    triples = zip(axes, figures[it.name], figures[first], strict=True)
    worse = (
        Excess(axis, axis.excess(mine, theirs))
        for axis, mine, theirs in triples
        if axis.is_worse(mine, theirs)
    )
    return Dominated(it.name, first, tuple(worse), tuple(others))


def _figures(it: Contender, rules: list[str]) -> list[Estimate]:
    """Less is better in all of them; the reference beside itself is 1 time as slow, and 0 apart."""
    if it.role is Role.REFERENCE:
        return [exact(1.0 if rule in _RATIOS else 0.0, 1) for rule in rules]
    return [_figure(it.known(rule), rule in _LARGER_IS_BETTER) for rule in rules]


def _figure(finding: Finding | None, is_larger_better: bool) -> Estimate:
    """What was found undecided may have been disturbed, so nothing is shown by it."""
    if finding is None or finding.measured is None or finding.interval is None:
        return unbounded(0.0, 0)
    if finding.outcome is Outcome.INCONCLUSIVE:
        return unbounded(finding.measured, 0)
    value, (lower, upper) = finding.measured, finding.interval
    return (
        Estimate(-value, -upper, -lower, 1)
        if is_larger_better
        else Estimate(value, lower, upper, 1)
    )
