"""An interim look: what rules say of a check's measurements while it is measured."""

from collections.abc import Sequence
from dataclasses import replace

from harness.bench import Bench
from harness.evidence import Evidence, Subject
from harness.finding import Finding, Outcome
from harness.measurement import Measurement
from harness.policy import Limit, Policy, Rule, Severity
from harness.release import Role
from harness.verdict import judge_measurements

_SURE = 0.97  # 19 of 20 at twice the limit are seen, with three looks at each of four processes


def undecided_rules(bench: Bench, measurements: Sequence[Measurement]) -> set[str]:
    """Ids of the policy's rules that more values might decide."""
    found = _judged(bench, measurements, bench.rules)
    return {it.rule for it in found if it.outcome is Outcome.INCONCLUSIVE}


def outcomes(bench: Bench, measurements: Sequence[Measurement]) -> set[Outcome]:
    """How the policy's rules that decide come out."""
    return {it.outcome for it in _judged(bench, measurements, bench.rules)}


def is_decided(bench: Bench, measurements: Sequence[Measurement]) -> bool:
    """Whether the policy's rules leave nothing of these in doubt."""
    return not undecided_rules(bench, measurements)


def passes_for_sure(bench: Bench, ratios: Sequence[Measurement]) -> bool:
    """Whether the policy's rules pass on these, and not for want of measuring.

    A guard passes by its value, however wide the interval; here twice the change that it allows
    must be excluded, too.
    """
    if not outcomes(bench, ratios) <= {Outcome.PASS}:
        return False
    metrics = {it.metric for it in ratios}
    guards = [it for it in bench.rules if it.severity is Severity.GUARD and it.metric in metrics]
    found = {it.outcome for it in _judged(bench, ratios, list(map(of_twice, guards)))}
    return found <= {Outcome.PASS}


def of_twice(rule: Rule) -> Rule:
    """A rule that passes where a change beyond twice what this one allows is excluded, so surely
    that looking at it again and again does not make it wrong.
    """
    most = None if rule.at_most is None else rule.at_most**2
    limits = {
        name: limit if limit.at_most is None else Limit(limit.at_most**2)
        for name, limit in rule.precision.items()
    }
    return replace(
        rule, severity=Severity.CRITICAL, confidence=_SURE, at_most=most, precision=limits
    )


def _judged(
    bench: Bench, measurements: Sequence[Measurement], rules: Sequence[Rule]
) -> list[Finding]:
    recipe, role = bench.variant.recipe, {bench.baseline: Role.BASELINE}
    names = (bench.reference, *(it.beside for it in measurements if it.beside))
    subjects = {name: Subject(role.get(name, Role.REFERENCE), None) for name in names}
    subjects[recipe.name] = Subject(recipe.role, recipe.precision)
    evidence = Evidence("", subjects, bench.environment, floor=bench.floor)
    policy = Policy("", (), tuple(rules))
    found = judge_measurements(tuple(measurements), recipe.name, evidence, policy)
    return [it for it in found if it.decides]
