"""One rule applied to one measurement, and what its machine can tell apart at all."""

import math
from dataclasses import replace

from harness.conditions import others_share
from harness.device_ruling import on_device
from harness.estimate import estimate, estimates
from harness.evidence import NO_SOURCE, Evidence
from harness.exam_ruling import TESTED, Ruled, by_test
from harness.finding import Finding, Outcome, change, figure, sentence, unit_of
from harness.measurement import Measurement
from harness.policy import Limit, Policy, Rule, Severity
from harness.release import Role
from harness.statistic import LABELLED, PAIRED, Statistic
from harness.stats import steady
from harness.stats.intervals import Estimate

NOISE_FLOOR = ".noise_floor"
"""Ends the id of a finding on what the machine can tell apart by the rule before it."""

_SHOWN = 0.90  # two-sided: three new faults with none gone show an excess, two do not
_FELT_SHARE = 0.05  # of all cores' time: what others use of it below this moves no interval
_TIMES = ("ms", "ms/token", "s", "tokens/s")


def apply_rule(rule: Rule, it: Measurement, evidence: Evidence) -> Finding:
    """What the rule says of a measurement; the evidence is all there is beside it."""
    return waive(rule, _applied(rule, it, evidence))


def waive(rule: Rule, finding: Finding) -> Finding:
    """The finding as it counts: what a waived rule fails or leaves undecided is accepted."""
    if not rule.waived or finding.outcome is Outcome.PASS:
        return finding
    reason = f"{finding.reason}; waived: {rule.waived}"
    return replace(finding, outcome=Outcome.WAIVED, reason=reason)


def unsourced(rule: Rule, policy: Policy) -> Finding:
    """What a rule says that needs the source of a release which names none: nothing."""
    why = f"{rule.subject}: not applied, {NO_SOURCE}"
    return waive_source(undecided(rule.id, rule.suite, why, rule.severity), policy)


def waive_source(finding: Finding, policy: Policy) -> Finding:
    """The finding as it counts where the policy accepts that there is no source."""
    if not policy.without_source:
        return finding
    reason = f"{finding.reason}; waived: {policy.without_source}"
    return replace(finding, outcome=Outcome.WAIVED, reason=reason)


def _applied(rule: Rule, it: Measurement, evidence: Evidence) -> Finding:
    limit = rule.limit(evidence.subjects[it.variant].precision, evidence.device)
    problem = _not_comparable(rule, it, evidence.environment)
    if problem:
        why = f"{rule.subject}: {problem}"
        return undecided(rule.id, rule.suite, why, rule.severity)
    if limit is not None and rule.statistic in TESTED:
        found, outcome, reason = by_test(rule, limit, it)
        if it.disturbance:
            outcome, reason = Outcome.INCONCLUSIVE, f"{rule.subject}: {_doubt(it)}"
    else:
        found, outcome, reason = _by_interval(rule, limit, it, evidence)
    return Finding(
        rule.id,
        rule.suite,
        rule.severity,
        outcome,
        reason,
        found.value,
        (found.lower, found.upper),
        None if limit is None else limit.value,
        unit_of(rule.statistic, it.unit),
    )


def _by_interval(rule: Rule, limit: Limit | None, it: Measurement, evidence: Evidence) -> Ruled:
    found = _worst(rule, limit, estimates(it, rule.statistic, rule.confidence))
    floor = _noise_floor(rule, limit, evidence)
    outcome = _outcome(rule, _widened(found, floor), limit)
    if outcome is Outcome.INCONCLUSIVE and _shows_nothing(rule, it, found):
        outcome = Outcome.PASS
    doubt = _doubt(it) if limit is not None else ""
    if doubt and not _is_kept_anyhow(rule, outcome):
        found, outcome = replace(found, doubt=doubt), Outcome.INCONCLUSIVE
    outcome, why = on_device(rule, limit, found, outcome, evidence)
    reason = sentence(rule, limit, outcome, found, unit_of(rule.statistic, it.unit)) + why
    if floor > 1 and outcome is Outcome.INCONCLUSIVE:
        reason += f"; this machine sees a change by {change(floor)} or more only"
    if outcome is Outcome.INCONCLUSIVE and not doubt:
        reason += _neighbours(it, evidence)
    return found, outcome, reason


def _neighbours(it: Measurement, evidence: Evidence) -> str:
    """What others did to a time that is not known well enough, where the system tells."""
    if len(evidence.conditions) < 2 or not (it.clusters or it.unit in _TIMES):
        return ""
    share = others_share(evidence.conditions[0], evidence.conditions[-1])
    if share is None or share < _FELT_SHARE:
        return ""
    return f"; others used {share:.0%} of the processors' time in this session"


def _not_comparable(rule: Rule, it: Measurement, environment: str) -> str:
    if it.environment != environment:
        return "was measured under other conditions than the session's"
    if it.absence:
        return it.absence
    if len(it.values) < rule.minimum_samples:
        return f"{len(it.values)} values, and the rule needs {rule.minimum_samples}"
    if rule.statistic in PAIRED and not it.reference_values:
        return f"has no values of the {rule.versus} beside it"
    if rule.statistic in LABELLED and not it.labels:
        return "has no labels for its values"
    return ""


def _doubt(it: Measurement) -> str:
    """Why the figures of a measurement are no evidence, whichever they are."""
    if it.disturbance:
        return f"disturbed whenever it was measured ({it.disturbance})"
    if it.clusters:  # of several processes, and each had to settle before it counted
        return ""
    for warmups in filter(None, (it.warmups, it.reference_warmups)):
        if not steady.is_steady(warmups[-steady.WINDOW :]):
            return f"not settled after {len(warmups)} warm-ups"
    return ""


def _is_kept_anyhow(rule: Rule, outcome: Outcome) -> bool:
    """Whether a budget is kept even so: what disturbs a machine makes nothing faster or smaller."""
    return rule.budget is not None and outcome is Outcome.PASS


def _worst(rule: Rule, limit: Limit | None, found: list[Estimate]) -> Estimate:
    """The one that stands most against the variant."""
    order = [Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]
    return max(found, key=lambda it: (order.index(_outcome(rule, it, limit)), it.lower))


def _widened(found: Estimate, floor: float) -> Estimate:
    return replace(found, lower=found.lower / floor, upper=found.upper * floor)


def _noise_floor(rule: Rule, limit: Limit | None, evidence: Evidence) -> float:
    """The ratio that this machine takes for a difference where there is none.

    Over several processes it is what the reference beside itself is shown to differ by. Within one
    it is as far as that interval goes, and 1 where the limit is farther from 1; 1 too where nothing
    was measured beside itself.
    """
    it = _measured_beside_itself(rule, evidence)
    if it is None or limit is None or limit.value <= 0:
        return 1.0
    floor = estimate(it, rule.statistic, rule.confidence)
    if it.clusters:  # intervals over processes hold the machine's noise already, but no bias
        return max(1.0, floor.lower, 1 / floor.upper) if floor.is_bounded else 1.0
    reach = _reach(floor)
    return reach if reach > max(limit.value, 1 / limit.value) else 1.0


def _reach(it: Estimate) -> float:
    """How far from 1 the interval of a ratio goes, as a ratio of at least 1."""
    return max(it.upper, 1 / it.lower) if it.is_bounded else math.inf


def _beside_itself(rule: Rule, evidence: Evidence) -> Estimate | None:
    """The reference's ratio to itself in other processes, in the same session."""
    it = _measured_beside_itself(rule, evidence)
    return estimate(it, rule.statistic, rule.confidence) if it else None


def _measured_beside_itself(rule: Rule, evidence: Evidence) -> Measurement | None:
    name = evidence.reference
    if rule.statistic is not Statistic.RATIO:
        return None
    found = [it for it in evidence.measurements if it.variant == it.beside == name]
    return next((it for it in found if it.metric == rule.metric and it.values), None)


def noise_floors(evidence: Evidence, policy: Policy) -> list[Finding]:
    """What this machine can tell apart, for every ratio that was measured so: to be read only."""
    ratios = [rule for rule in policy.rules if rule.versus is Role.REFERENCE]
    known = [(rule, found) for rule in ratios if (found := _beside_itself(rule, evidence))]
    return [_floor_finding(rule, found, evidence.reference) for rule, found in known]


def _floor_finding(rule: Rule, found: Estimate, name: str) -> Finding:
    measured = f"{rule.subject}, {name} beside itself: {figure(found, 'ratio')}"
    return Finding(
        rule.id + NOISE_FLOOR,
        rule.suite,
        Severity.INFO,
        Outcome.PASS,
        f"{measured}, so a change by {change(_reach(found))} or more would be seen",
        _reach(found),
        (found.lower, found.upper),
        None,
        "ratio",
    )


def _outcome(rule: Rule, found: Estimate, limit: Limit | None) -> Outcome:
    if limit is None:
        return Outcome.PASS
    if not found.is_bounded:
        return Outcome.INCONCLUSIVE
    ends = (limit.holds(found.lower), limit.holds(found.upper))
    if all(ends):
        return Outcome.PASS
    if not any(ends):
        return Outcome.INCONCLUSIVE if found.doubt else Outcome.FAIL
    is_guard_kept = rule.severity is Severity.GUARD and limit.holds(found.value)
    return Outcome.PASS if is_guard_kept else Outcome.INCONCLUSIVE


def _shows_nothing(rule: Rule, it: Measurement, found: Estimate) -> bool:
    """Whether a guard's excess of faults is none that chance does not exchange.

    One of few answers moves in steps that are wider than limits are. How sure a rule wants to be of
    harm does not matter here: at 99 % six new faults with none gone would show nothing.
    """
    if rule.statistic is not Statistic.EXCESS or rule.severity is not Severity.GUARD:
        return False
    return found.is_bounded and estimate(it, rule.statistic, _SHOWN).lower <= 0


def undecided(rule: str, suite: str, why: str, severity: Severity = Severity.CRITICAL) -> Finding:
    """What could not be judged, and why."""
    return Finding(rule, suite, severity, Outcome.INCONCLUSIVE, why)
