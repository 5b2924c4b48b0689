"""The rows that every table of the gate shows."""

from harness.finding import Finding, Outcome, quantity
from harness.report import Report, VariantReport

_FIGURES = {
    "accuracy": "accuracy.share",
    "to reference": "accuracy.gain",
    "KLD": "precision.kld",
    "ITL": "latency.itl",
    "TTFT": "latency.ttft",
    "peak": "memory.peak",
    "growth": "memory.growth",
}
HEADERS = ("variant", "role", "verdict", "size", "passed", *_FIGURES)


def rows(report: Report) -> list[list[str]]:
    """One row a variant, in the release's order."""
    return [_row(name, it) for name, it in report.variants.items()]


def _row(name: str, it: VariantReport) -> list[str]:
    found = {finding.rule: finding for finding in it.findings}
    deciding = [finding for finding in it.findings if finding.decides]
    passed = sum(finding.outcome is Outcome.PASS for finding in deciding)
    return [
        name,
        it.role,
        it.verdict,
        f"{it.size_bytes / 2**20:.1f} MiB" if it.size_bytes else "-",
        f"{passed}/{len(deciding)}",
        *(_figure(found.get(rule)) for rule in _FIGURES.values()),
    ]


def _figure(finding: Finding | None) -> str:
    if finding is None or finding.measured is None:
        return "-"
    return quantity(finding.measured, finding.unit)
