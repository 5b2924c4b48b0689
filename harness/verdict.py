"""From evidence and a policy to a verdict, by one pure call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.errors import ConfigError
from harness.evidence import NO_CHATS, NO_SOURCE, NOT_JUDGED, Check, CheckOutcome, Evidence
from harness.finding import Finding, Outcome, against
from harness.measurement import Measurement
from harness.policy import Policy, Rule, Severity
from harness.release import Role
from harness.ruling import (
    apply_rule,
    noise_floors,
    undecided,
    unsourced,
    waive,
    waive_source,
)


class Decision(StrEnum):
    """May it be released?"""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_status(self) -> int:
        """What `pytest suites/` and `python -m harness judge` exit with."""
        return {"GO": 0, "NO-GO": 1, "INCONCLUSIVE": 6}[self]


@dataclass(frozen=True, slots=True)
class VariantVerdict:
    """What is decided of one variant, with every finding that it rests on."""

    variant: str
    role: Role
    decision: Decision
    findings: tuple[Finding, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences that stand against GO: all that failed, else all that is undecided."""
        found = against(self.findings)
        return tuple(it.reason for it in found if it.outcome is found[0].outcome)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided of the release: NO-GO if any candidate is, GO only if all are."""

    decision: Decision
    variants: dict[str, VariantVerdict]

    @property
    def publishable(self) -> tuple[str, ...]:
        """The candidates that are GO, provided that every candidate is decided."""
        candidates = [it for it in self.variants.values() if it.role is Role.CANDIDATE]
        if any(it.decision is Decision.INCONCLUSIVE for it in candidates):
            return ()
        return tuple(it.variant for it in candidates if it.decision is Decision.GO)


def judge(evidence: Evidence, policy: Policy) -> Verdict:
    """The verdict on a release.

    What must be judged is named by the evidence's subjects (the release) and the policy, never by
    what happened to run: whatever is missing is a finding, and leaves no GO.
    """
    whole = _of_session(evidence, policy)
    reference = _variant_verdict(evidence.reference, evidence, policy, whole)
    beside = (*whole, *_of_reference(reference), *_of_baselines(evidence))
    variants = {
        name: reference
        if name == reference.variant
        else _variant_verdict(name, evidence, policy, beside)
        for name in evidence.subjects
    }
    candidates = [it.decision for it in variants.values() if it.role is Role.CANDIDATE]
    return Verdict(_combined(candidates), variants)


def judge_measurements(
    measurements: tuple[Measurement, ...], name: str, evidence: Evidence, policy: Policy
) -> tuple[Finding, ...]:
    """Findings on some of a variant's measurements by the rules that concern them.

    The evidence is all there is so far, the measurements and the reference's own among it.
    """
    subject = evidence.subjects[name]
    found = []
    for rule in (it.on(evidence.device, evidence.floor) for it in policy.rules):
        mine = [it for it in measurements if _concerns(rule, it, name, evidence)]
        if _applies(rule, subject.role, evidence) and mine:
            found.append(_of_rule(rule, mine[:1], evidence, policy))
    return tuple(found)


def _combined(decisions: list[Decision]) -> Decision:
    if Decision.NO_GO in decisions:
        return Decision.NO_GO
    if not decisions or Decision.INCONCLUSIVE in decisions:
        return Decision.INCONCLUSIVE
    return Decision.GO


def _of_session(evidence: Evidence, policy: Policy) -> tuple[Finding, ...]:
    found = [undecided("session.complete", "session", why) for why in evidence.trouble]
    rules = [it.on(evidence.device, evidence.floor) for it in policy.rules]
    decides = any(
        it.severity is not Severity.INFO
        and not it.waived
        and _applies(it, Role.CANDIDATE, evidence)
        for it in rules
    )
    if not decides or not policy.required:
        why = f"the policy {policy.name!r} requires no check or has no rule that decides candidates"
        found.append(undecided("session.policy", "session", why))
    try:
        policy.require_floor(evidence.floor)
    except ConfigError as error:
        found.append(undecided("session.floor", "session", str(error)))
    return tuple(found)


def _of_reference(reference: VariantVerdict) -> tuple[Finding, ...]:
    if reference.decision is Decision.GO:
        return ()
    why = next(iter(reference.reasons), "nothing of it was decided")
    text = f"the reference {reference.variant} cannot be relied on: {why}"
    return (undecided("session.reference", "session", text),)


def _of_baselines(evidence: Evidence) -> list[Finding]:
    """A previous release that was not measured as it is says nothing of what comes after it."""
    return [
        undecided(
            "session.baseline",
            "session",
            f"the baseline {name} cannot be relied on: {it.problem or 'there is none'}",
        )
        for name, it in evidence.subjects.items()
        if it.role is Role.BASELINE and not it.digest
    ]


def _variant_verdict(
    name: str, evidence: Evidence, policy: Policy, beside: tuple[Finding, ...]
) -> VariantVerdict:
    subject = evidence.subjects[name]
    if not subject.digest:
        why = subject.problem or "there is no variant"
        absent = undecided("session.variant", "session", f"{name} was not measured: {why}")
        return VariantVerdict(name, subject.role, Decision.INCONCLUSIVE, (*beside, absent))
    findings = (
        *beside,
        *_of_checks(name, evidence, policy),
        *_of_rules(name, evidence, policy),
    )
    return VariantVerdict(name, subject.role, _decision(findings), findings)


def _decision(findings: tuple[Finding, ...]) -> Decision:
    outcomes = {it.outcome for it in findings if it.decides}
    if Outcome.FAIL in outcomes:
        return Decision.NO_GO
    if Outcome.INCONCLUSIVE in outcomes or Outcome.PASS not in outcomes:
        return Decision.INCONCLUSIVE
    return Decision.GO


def _of_checks(name: str, evidence: Evidence, policy: Policy) -> list[Finding]:
    """One finding for every required check, and for every other one that went wrong."""
    mine = [it for it in evidence.checks if it.variant == name]
    mine.sort(key=lambda it: it.outcome is not CheckOutcome.MEASURED)
    ran = {it.id: it for it in mine}  # of one that ran twice, what went wrong
    required = [_of_check(it, name, ran.get(it), evidence, policy) for it in policy.required]
    others = [
        _of_check(it.id, name, it, evidence, policy)
        for key, it in ran.items()
        if key not in policy.required and it.outcome is not CheckOutcome.ABSENT
    ]
    return required + [it for it in others if it.outcome is not Outcome.PASS]


def _of_check(
    check_id: str, name: str, check: Check | None, evidence: Evidence, policy: Policy
) -> Finding:
    """What became of a check of a variant, which is named."""
    suite = check_id.partition(".")[0]
    if check is None:
        return undecided(check_id, suite, f"the required check {check_id} did not run")
    if check.outcome is CheckOutcome.MEASURED:
        return Finding(check_id, suite, Severity.CRITICAL, Outcome.PASS, "ran to its end")
    is_unasked = check.outcome is CheckOutcome.ABSENT and check.reason == NOT_JUDGED
    # Where a rule does judge it, its figure is lacking, which that rule says.
    if is_unasked and evidence.subjects[name].role is not Role.CANDIDATE:
        return Finding(check_id, suite, Severity.INFO, Outcome.PASS, check.reason)
    if check.outcome is CheckOutcome.ABSENT:
        why = f"{check_id} had nothing to measure: {check.reason}"
        found = undecided(check_id, suite, why)
        if _needs_chats(check.reason, evidence):
            return replace(found, outcome=Outcome.NOT_APPLICABLE)
        return waive_source(found, policy) if check.reason == NO_SOURCE else found
    if check.outcome in (CheckOutcome.FAILED, CheckOutcome.CRASHED):
        return Finding(check_id, suite, Severity.CRITICAL, Outcome.FAIL, check.reason)
    return undecided(check_id, suite, f"{check_id} was not measured: {check.reason}")


def _needs_chats(absence: str, evidence: Evidence) -> bool:
    """Whether something is absent because the model has no chats, which the evidence says too."""
    return absence == NO_CHATS and not evidence.is_chat


def _of_rules(name: str, evidence: Evidence, policy: Policy) -> list[Finding]:
    role = evidence.subjects[name].role
    rules = [
        it.on(evidence.device, evidence.floor)
        for it in policy.rules
        if _applies(it, role, evidence)
    ]
    found = [
        _of_rule(
            rule,
            [it for it in evidence.measurements if _concerns(rule, it, name, evidence)],
            evidence,
            policy,
        )
        for rule in rules
    ]
    return found + (noise_floors(evidence, policy) if role is Role.REFERENCE else [])


def _applies(rule: Rule, role: Role, evidence: Evidence) -> bool:
    """Whether a rule is for this role, and the release has the variant that it compares with.

    What decides and needs a source applies without one too: then nobody knows.
    """
    roles = {it.role for it in evidence.subjects.values()}
    is_there = evidence.has_source or not rule.needs_source or rule.severity is not Severity.INFO
    return role in rule.roles and rule.versus in roles and is_there


def _of_rule(
    rule: Rule, found: Sequence[Measurement], evidence: Evidence, policy: Policy
) -> Finding:
    """What a rule says of a variant, given the variant's measurements that it concerns."""
    if rule.needs_source and not evidence.has_source:
        return unsourced(rule, policy)
    if len(found) != 1:
        count = "was not measured" if not found else f"was measured {len(found)} times"
        why = f"{rule.subject} {count}"
        return waive(rule, undecided(rule.id, rule.suite, why, rule.severity))
    if _needs_chats(found[0].absence, evidence):
        why = f"{rule.subject}: {NO_CHATS}"
        return Finding(rule.id, rule.suite, rule.severity, Outcome.NOT_APPLICABLE, why)
    return apply_rule(rule, found[0], evidence)


def _concerns(rule: Rule, it: Measurement, name: str, evidence: Evidence) -> bool:
    """Whether it is the rule's metric, of this variant, taken beside the one it is to be."""
    beside = evidence.subjects[it.beside].role if it.beside else Role.REFERENCE
    return (it.metric, it.variant, beside) == (rule.metric, name, rule.versus)
