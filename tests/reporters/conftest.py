"""A report with a variant of every kind."""

import pytest

from harness.environment import Environment
from harness.finding import Finding, Outcome
from harness.policy import Severity
from harness.release import Identity, Role
from harness.report import PublishedReport, Report, VariantReport
from harness.verdict import Decision


def finding(rule, outcome, reason, severity=Severity.CRITICAL, **figures):
    return Finding(rule, rule.partition(".")[0], severity, outcome, reason, **figures)


@pytest.fixture
def report():
    itl = finding(
        "latency.itl", Outcome.PASS, "fine", measured=0.61, interval=(0.6, 0.7), unit="ratio"
    )
    slow = finding(
        "latency.itl", Outcome.FAIL, "slow | slower", measured=2.0, limit=1.25, unit="ratio"
    )
    unread = finding("memory.peak", Outcome.INCONCLUSIVE, "not measured", Severity.INFO)
    variants = {
        "fp32": VariantReport(Role.REFERENCE, Decision.GO, "sha256:1", 13 * 2**20, ()),
        "int4": VariantReport(Role.CANDIDATE, Decision.GO, "sha256:2", 2**20, (itl, unread)),
        "int8": VariantReport(Role.CANDIDATE, Decision.NO_GO, "sha256:3", 2**20, (slow,)),
    }
    return Report(
        Identity("travel", 1),
        "gate",
        Decision.NO_GO,
        Environment("CPU", 2, 2**33, "Linux", "3.11", (("onnxruntime", "1.31.0"),)),
        variants,
        {"int4": PublishedReport("travel-int4-generic-cpu:1", "published/x")},
        {"int2": "Foundry Local refused it"},
    )
