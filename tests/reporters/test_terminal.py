from dataclasses import replace

from harness.finding import Finding, Outcome
from harness.policy import Severity
from harness.reporters import markdown, terminal


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


def test_what_is_beyond_the_usual_and_decides_nothing_is_a_note(report):
    wide = Finding("packaging.wide_tensor", "packaging", Severity.INFO, Outcome.FAIL, "it is large")
    variants = {"int8": replace(report.variants["int8"], findings=(wide,))}
    changed = replace(report, variants=variants)
    assert "note: int8: it is large" in terminal.summary(changed).splitlines()
    assert "- **note** it is large (`packaging.wide_tensor`)" in markdown.render(changed)


def test_what_never_ran_is_one_line_however_much_it_is(report):
    absent = tuple(
        Finding(
            f"scaling.{n}",
            "scaling",
            Severity.CRITICAL,
            Outcome.INCONCLUSIVE,
            f"the required check {n} did not run",
        )
        for n in range(9)
    )
    reference = replace(
        absent[0], rule="session.reference", suite="session", reason="the check x did not run"
    )
    variants = {"int4": replace(report.variants["int4"], findings=(reference, *absent))}
    lines = terminal.summary(replace(report, variants=variants)).splitlines()
    assert [line for line in lines if line.startswith("int4 incon")] == [
        "int4 inconclusive session.reference: the check x did not run",
        "int4 inconclusive, 9 that never ran: scaling.0, scaling.1, scaling.2, scaling.3, "
        "scaling.4, scaling.5, ...",
    ]


def test_a_risk_that_is_accepted_is_named_once_with_all_that_have_it(report):
    why = "NUL cuts the prompt; waived: known"
    risk = Finding("edge_cases.nul", "edge_cases", Severity.CRITICAL, Outcome.WAIVED, why)
    variants = {name: replace(it, findings=(risk,)) for name, it in report.variants.items()}
    lines = terminal.summary(replace(report, variants=variants)).splitlines()
    waived = [line for line in lines if "NUL" in line]
    assert waived == [f"waived edge_cases.nul: {why} (fp32, int4, int8)"]


def test_what_needs_chats_is_one_line_for_all_variants(report):
    found = [
        Finding(rule, "x", Severity.CRITICAL, Outcome.NOT_APPLICABLE, "why")
        for rule in ("foundry.same_answers", "packaging.chats")
    ]
    variants = {name: replace(it, findings=found) for name, it in report.variants.items()}
    lines = terminal.summary(replace(report, variants=variants)).splitlines()
    assert [line for line in lines if "packaging.chats" in line] == [
        "not applicable, the model is asked as plain text: foundry.same_answers, packaging.chats"
    ]


def test_what_to_take_of_several_candidates_stands_above_the_verdict(report):
    lines = terminal.summary(report).splitlines()
    assert "recommended: int4, the smallest that passes (1.00 MiB)" in lines[lines.index("") :]
