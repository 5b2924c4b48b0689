"""The report as Markdown."""

from importlib.resources import files

from tabulate import tabulate

from harness.finding import Finding, against, quantity
from harness.report import Report, VariantReport
from harness.reporters.table import HEADERS, rows

_TEMPLATE = "markdown.md.jinja"


def render(report: Report) -> str:
    """The whole report, every finding of every variant included."""
    from jinja2 import Environment

    text = files("harness.reporters").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    template = Environment(autoescape=False, keep_trailing_newline=True).from_string(text)
    return template.render(
        report=report,
        table=tabulate(rows(report), headers=HEADERS, tablefmt="github", disable_numparse=True),
        against=against,
        findings=_findings,
        versions=", ".join(f"{name} {version}" for name, version in report.environment.versions),
    )


def _findings(it: VariantReport) -> str:
    headers = ("rule", "severity", "outcome", "measured", "limit", "why")
    return tabulate(
        [_row(finding) for finding in it.findings],
        headers=headers,
        tablefmt="github",
        disable_numparse=True,
    )


def _row(it: Finding) -> list[str]:
    measured = "-" if it.measured is None else quantity(it.measured, it.unit)
    limit = "-" if it.limit is None else quantity(it.limit, it.unit)
    return [it.rule, it.severity, it.outcome, measured, limit, it.reason.replace("|", "\\|")]
