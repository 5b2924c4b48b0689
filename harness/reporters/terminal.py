"""The verdict as a terminal shows it."""

from collections.abc import Sequence

from tabulate import tabulate

from harness.comparison import compare
from harness.evidence import NO_CHATS, NO_SOURCE
from harness.finding import against, change, not_applicable, noted, waived
from harness.release import Role
from harness.report import Report, VariantReport
from harness.reporters.comparison import sentences
from harness.reporters.table import HEADERS, rows
from harness.ruling import NOISE_FLOOR

_SHOWN = 6
_ABSENT = ("did not run", "was not measured")


def summary(report: Report, place: str = "") -> str:
    """A table of variants, the reasons against each, what was published, and the verdict last."""
    lines = [tabulate(rows(report), headers=HEADERS, disable_numparse=True), ""]
    for name, it in report.variants.items():
        lines += _reasons(name, it)
    lines += [*_accepted(report), *_left_out(report), *sentences(compare(report.variants))]
    lines += [*_resolution(report), *(f"note: {remark}" for remark in report.remarks)]
    for name, it in report.variants.items():
        lines += [f"note: {name}: {finding.reason}" for finding in noted(it.findings)]
    for name, package in report.published.items():
        lines.append(f"published {name}: {package.model_id} in {package.path}")
    lines += [f"not published {name}: {why}" for name, why in report.refused.items()]
    if place:
        lines.append(f"report: {place}")
    title = f"{report.release.name} {report.release.version} by {report.policy}"
    return "\n".join([*lines, f"{title}: {report.verdict}", ""])


def _accepted(report: Report) -> list[str]:
    """Each risk that the policy accepts on a line, with the variants that have it."""
    names: dict[tuple[str, str], list[str]] = {}
    for name, it in report.variants.items():
        for finding in waived(it.findings):
            names.setdefault((finding.rule, finding.reason), []).append(name)
    lines = [
        f"waived {rule}: {why} ({', '.join(who)})"
        for (rule, why), who in names.items()
        if NO_SOURCE not in why
    ]
    unsourced = list(dict.fromkeys(rule for rule, why in names if NO_SOURCE in why))
    if not unsourced:
        return lines
    why = next(why for _, why in names if NO_SOURCE in why).rpartition("; waived: ")[2]
    return [*lines, f"waived {_unsourced(unsourced)}; {why}"]


def _left_out(report: Report) -> list[str]:
    """One line for all that needs chats where the model has none."""
    found = [it for one in report.variants.values() for it in not_applicable(one.findings)]
    rules = ", ".join(dict.fromkeys(it.rule for it in found))
    return [f"not applicable, {NO_CHATS}: {rules}"] if found else []


def _unsourced(rules: Sequence[str]) -> str:
    """One line for all that would have been held against the checkpoint."""
    return f"not applied, {NO_SOURCE}: {', '.join(rules)}"


def _resolution(report: Report) -> list[str]:
    """How small a slowdown this machine and plan can see at all."""
    floors = [
        f"{finding.rule.removesuffix(NOISE_FLOOR)} from {change(finding.measured)}"
        for it in report.variants.values()
        for finding in it.findings
        if finding.rule.endswith(NOISE_FLOOR) and finding.measured is not None
    ]
    return [f"slowdowns seen here: {', '.join(floors)}"] if floors else []


def _reasons(name: str, it: VariantReport) -> list[str]:
    """Each reason against a GO on a line, what never ran on one line in all."""
    found = [] if it.role is Role.BASELINE else against(it.findings)
    absent = [
        finding.rule
        for finding in found
        if finding.suite != "session" and finding.reason.endswith(_ABSENT)
    ]
    unsourced = [finding.rule for finding in found if NO_SOURCE in finding.reason]
    lines = [
        f"{name} {finding.outcome} {finding.rule}: {finding.reason}"
        for finding in found
        if finding.rule not in (*absent, *unsourced)
    ]
    if unsourced:
        lines.insert(0, f"{name} inconclusive, {_unsourced(unsourced)}")
    if len(lines) > _SHOWN:
        lines = [*lines[:_SHOWN], f"{name} and {len(lines) - _SHOWN} more, in the report"]
    if absent:
        named = ", ".join(absent[:_SHOWN]) + (", ..." if len(absent) > _SHOWN else "")
        lines.append(f"{name} inconclusive, {len(absent)} that never ran: {named}")
    return lines
