from dataclasses import replace

import pytest

from harness.environment import Environment
from harness.finding import Finding, Outcome
from harness.policy import Severity
from harness.release import Identity, Role
from harness.report import PublishedReport, Report, VariantReport
from harness.reporters import markdown, terminal
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


def test_the_terminal_shows_figures_reasons_packages_and_the_verdict_last(report):
    lines = terminal.summary(report, "reports/1/report.md").splitlines()
    assert lines[3].split()[:6] == ["int4", "candidate", "GO", "1.0", "MiB", "1/1"]
    assert "0.61 x" in lines[3]
    assert "int8 fail latency.itl: slow | slower" in lines
    assert "published int4: travel-int4-generic-cpu:1 in published/x" in lines
    assert "not published int2: Foundry Local refused it" in lines
    assert lines[-1] == "travel 1 by gate: NO-GO"


def test_what_does_not_decide_is_no_reason_against(report):
    assert "memory.peak" not in terminal.summary(report)


def test_markdown_holds_every_finding_and_breaks_no_table(report):
    text = markdown.render(report)
    assert text.startswith("# travel 1: NO-GO\n")
    assert "slow \\| slower" in text
    assert "`travel-int4-generic-cpu:1` in `published/x`" in text
    assert "int2 was not published: Foundry Local refused it" in text
    assert "onnxruntime 1.31.0" in text


def test_what_never_ran_is_one_line_however_much_it_is(report):
    absent = tuple(
        finding(f"scaling.{n}", Outcome.INCONCLUSIVE, f"the required check {n} did not run")
        for n in range(9)
    )
    variants = {"int4": replace(report.variants["int4"], findings=absent)}
    lines = terminal.summary(replace(report, variants=variants)).splitlines()
    assert [line for line in lines if line.startswith("int4 incon")] == [
        "int4 inconclusive, 9 that never ran: scaling.0, scaling.1, scaling.2, scaling.3, "
        "scaling.4, scaling.5, ..."
    ]
