"""The report of a run as a value: the contract of ``report.json``."""

from dataclasses import dataclass, field

from harness.conditions import Conditions
from harness.environment import Environment
from harness.evidence import Evidence
from harness.finding import Finding
from harness.flip import Flip
from harness.release import Identity, Precision, Role
from harness.verdict import Decision, Verdict

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class VariantReport:
    """One variant with everything found; `digest` is empty where there was nothing to measure.

    `flips` are the items that it has right and the reference wrong, or the other way round.
    """

    role: Role
    verdict: Decision
    digest: str
    size_bytes: int
    findings: tuple[Finding, ...]
    precision: Precision | None = None
    flips: tuple[Flip, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedReport:
    """Where a package is, and under which id Foundry Local knows it."""

    model_id: str
    path: str


@dataclass(frozen=True, slots=True)
class Report:
    """What `reports/<run>/report.json` holds.

    `conditions` are the machine's at the session's start and at its end, `remarks` say what was
    measured again.
    `refused` says of each GO candidate that was not published after all, and why.
    """

    release: Identity
    policy: str
    verdict: Decision
    environment: Environment
    variants: dict[str, VariantReport]
    published: dict[str, PublishedReport] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    conditions: tuple[Conditions, ...] = ()
    remarks: tuple[str, ...] = ()
    schema: int = SCHEMA


def variants_of(evidence: Evidence, verdict: Verdict) -> dict[str, VariantReport]:
    """Every variant with what was found, in the release's order."""
    return {
        name: VariantReport(
            role=judged.role,
            verdict=judged.decision,
            digest=evidence.subjects[name].digest,
            size_bytes=evidence.subjects[name].size_bytes,
            findings=judged.findings,
            precision=evidence.subjects[name].precision,
            flips=tuple(it for it in evidence.flips if it.variant == name),
        )
        for name, judged in verdict.variants.items()
    }


def report_of(
    identity: Identity, policy: str, environment: Environment, evidence: Evidence, verdict: Verdict
) -> Report:
    """The report on a verdict, before anything is published."""
    return Report(
        identity,
        policy,
        verdict.decision,
        environment,
        variants_of(evidence, verdict),
        conditions=evidence.conditions,
        remarks=evidence.remarks,
    )
