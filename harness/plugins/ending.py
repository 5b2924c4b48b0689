"""The end of a session: one verdict, the packages of what is GO, the reports, the exit status."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.environment import differences
from harness.plugins.notebook import NOTEBOOK, Notebook
from harness.probes.host import capture_environment
from harness.report import Report, report_of
from harness.store import write_evidence, write_report, write_text
from harness.verdict import Verdict

_TESTS_PASSED, _TESTS_FAILED = 0, 1


def end_session(config: pytest.Config, status: int, failed: int) -> tuple[int, str]:
    """Judge what the notebook holds, publish and report it.

    `status` is pytest's own, `failed` its count of failed tests. Returns the exit status and what
    the terminal shall show.
    """
    from harness.reporters.terminal import summary
    from harness.verdict import Decision, judge

    notebook = config.stash[NOTEBOOK]
    settings = notebook.settings
    notebook.trouble += _trouble(config, notebook, status)
    verdict = judge(notebook.evidence(), settings.policy)
    if status == _TESTS_FAILED and verdict.decision is Decision.GO:
        notebook.trouble.append(f"{failed} tests failed that belong to no variant")
        verdict = judge(notebook.evidence(), settings.policy)
    report = report_of(
        settings.release.identity,
        settings.policy.name,
        notebook.environment,
        notebook.evidence(),
        verdict,
    )
    refusal = 0
    if settings.publish is not None and status in (_TESTS_PASSED, _TESTS_FAILED):
        report, refusal = _publish(report, verdict, notebook, settings.publish)
    place = _write(report, notebook)
    if status not in (_TESTS_PASSED, _TESTS_FAILED):
        return status, summary(report, place)
    return (verdict.decision.exit_status or refusal), summary(report, place)


def _trouble(config: pytest.Config, notebook: Notebook, status: int) -> list[str]:
    """What concerns the whole session and leaves nothing decided."""
    trouble = []
    if status not in (_TESTS_PASSED, _TESTS_FAILED):
        trouble.append(f"the session did not run to its end ({pytest.ExitCode(status).name})")
    if config.option.collectonly:
        trouble.append("tests were listed, not run (--collect-only)")
    changed = differences(notebook.environment, capture_environment())
    if changed:
        trouble.append(f"the machine changed while measuring: {', '.join(changed)}")
    return trouble


def _publish(
    report: Report, verdict: Verdict, notebook: Notebook, root: Path
) -> tuple[Report, int]:
    from harness.candidates import publish_candidates

    stage = notebook.stage
    if stage is None or not verdict.publishable:
        return report, 0
    published, refused, status = publish_candidates(verdict, stage, report.release, root)
    return replace(report, published=published, refused=refused), status


def _write(report: Report, notebook: Notebook) -> str:
    """Write the run's folder and the newest run's; the place of the report."""
    from harness.reporters.markdown import render

    root = notebook.settings.reports
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    for folder in (root / stamp, root / "latest"):
        write_report(folder / "report.json", report)
        write_text(folder / "report.md", render(report))
        write_evidence(folder / "evidence.json", notebook.evidence())
    return str(root / stamp / "report.md")
