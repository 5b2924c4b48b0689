"""The report as Markdown."""

from collections.abc import Mapping, Sequence
from importlib.resources import files

from tabulate import tabulate

from harness.comparison import compare
from harness.conditions import Conditions, others_share
from harness.environment import Power
from harness.finding import Finding, against, not_applicable, noted, quantity, waived
from harness.report import Report, VariantReport
from harness.reporters.comparison import HEADERS as COLUMNS
from harness.reporters.comparison import absent, sentences
from harness.reporters.comparison import rows as rows_of
from harness.reporters.flips import flip_table
from harness.reporters.table import HEADERS, rows

_TEMPLATE = "markdown.md.jinja"


def render(
    report: Report, plots: Mapping[str, str] | None = None, pareto: str | None = None
) -> str:
    """The whole report, every finding of every variant included.

    `plots` names by variant the file beside the report that shows its scaling, `pareto` the one
    that shows all variants.
    """
    from jinja2 import Environment

    text = files("harness.reporters").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    template = Environment(autoescape=False, keep_trailing_newline=True).from_string(text)
    found = compare(report.variants)
    return template.render(
        report=report,
        comparison=tabulate(
            rows_of(found), headers=COLUMNS, tablefmt="github", disable_numparse=True
        ),
        advice=sentences(found),
        absent=absent(found),
        pareto=pareto,
        plots=plots or {},
        table=tabulate(rows(report), headers=HEADERS, tablefmt="github", disable_numparse=True),
        against=against,
        waived=waived,
        not_applicable=not_applicable,
        noted=noted,
        findings=_findings,
        flips=flip_table,
        conditions=_conditions(report.conditions),
        versions=", ".join(f"{name} {version}" for name, version in report.environment.versions),
    )


def _conditions(moments: Sequence[Conditions]) -> str:
    """Of the session's start and end, in one sentence; empty where nobody looked."""
    if not moments:
        return ""
    start, end = moments[0], moments[-1]
    share = others_share(start, end)
    between = "" if share is None else f"; others used {share:.0%} of the processors' time"
    return f"At the start {_moment(start)}; at the end {_moment(end)}{between}."


def _moment(it: Conditions) -> str:
    free = it.available_memory_bytes
    known = [
        None if it.load_average is None else f"load {it.load_average:.2f}",
        None if it.frequency_mhz is None else f"{it.frequency_mhz:.0f} MHz",
        it.governor and f"governor {it.governor}",
        None if it.power is Power.UNKNOWN else f"power {it.power}",
        None if it.temperature_celsius is None else f"{it.temperature_celsius:.0f} °C",
        None if it.throttle_count is None else f"throttled {it.throttle_count} times so far",
        None if free is None else f"{free / 2**30:.1f} GiB free",
    ]
    return ", ".join(text for text in known if text) or "nothing known"


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
