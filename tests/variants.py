"""Variants of a report with the figures that variants are compared by."""

from harness.finding import Finding, Outcome
from harness.policy import Severity
from harness.release import Precision, Role
from harness.report import VariantReport
from harness.verdict import Decision

_UNITS = {"accuracy.gain": "points", "precision.kld": "nats/token"}


def reported(
    precision, mebibytes, verdict=Decision.GO, *, role=Role.CANDIDATE, **figures
) -> VariantReport:
    """A variant with figures as given and the others unremarkable; the reference has none."""
    outcome, reach = figures.pop("outcome", Outcome.PASS), figures.pop("reach", 0.01)
    known = {"itl": 1.0, "ttft": 1.0, "peak": 0.9, "load": 0.95, "gain": 0.0, "kld": 1e-6}
    known |= figures
    by_rule = {
        "latency.itl": known["itl"],
        "latency.ttft": known["ttft"],
        "latency.load": known["load"],
        "memory.peak": known["peak"],
        "accuracy.gain": known["gain"],
        "precision.kld": known["kld"],
    }
    findings = (
        ()
        if role is Role.REFERENCE
        else tuple(
            _finding(rule, value, reach * max(abs(value), 1e-3), outcome)
            for rule, value in by_rule.items()
        )
    )
    size = round(mebibytes * 2**20)
    return VariantReport(role, verdict, "sha256:1", size, findings, precision)


def unbuilt(why: str) -> VariantReport:
    """A candidate that is not there."""
    absent = Finding(
        "session.variant", "session", Severity.CRITICAL, Outcome.INCONCLUSIVE, f"not there: {why}"
    )
    return VariantReport(Role.CANDIDATE, Decision.INCONCLUSIVE, "", 0, (absent,), Precision.INT4)


def _finding(rule, value, reach, outcome):
    interval = (value - reach, value + reach)
    unit = _UNITS.get(rule, "ratio")
    suite = rule.partition(".")[0]
    return Finding(rule, suite, Severity.CRITICAL, outcome, "", value, interval, 2.0, unit)
