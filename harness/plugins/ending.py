"""The end of a session: one verdict, the packages of what is GO, the reports, the exit status."""

from dataclasses import replace

import pytest

from harness.comparison import compare
from harness.environment import differences
from harness.errors import HarnessError, InfrastructureError
from harness.plugins.benchmarks import regressions
from harness.plugins.notebook import NOTEBOOK, Notebook
from harness.probes.host import capture_conditions, capture_environment
from harness.report import Report, report_of
from harness.store import LATEST, digest_files, write_evidence, write_report, write_text
from harness.variant import Variant
from harness.verdict import Decision, Verdict, judge

_TESTS_PASSED, _TESTS_FAILED = 0, 1
_NOT_REPORTED = 6
_PARETO = "comparison.svg"


def end_session(config: pytest.Config, status: int, failed: int) -> tuple[int, str]:
    """Judge what the notebook holds, publish and report it.

    `status` is pytest's own, `failed` its count of failed tests. Returns the exit status and what
    the terminal shall show.
    """
    from harness.reporters.terminal import summary

    notebook = config.stash[NOTEBOOK]
    settings = notebook.settings
    notebook.conditions.append(capture_conditions())
    notebook.trouble += _trouble(config, notebook, status)
    _disown_what_changed(notebook)
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
    try:
        place = _write(report, notebook)
        report, refusal = _publish(report, verdict, notebook, status)
        if report.published or report.refused:
            _write(report, notebook)
    except OSError as error:
        text = f"the report cannot be written in {settings.reports}: {error.strerror or error}"
        return _own(status) or verdict.decision.exit_status or _NOT_REPORTED, f"{text}\n"
    return _own(status) or verdict.decision.exit_status or refusal, summary(report, place)


def _own(status: int) -> int:
    """Pytest's own status where its session did not run to its end; these are never combined."""
    return 0 if status in (_TESTS_PASSED, _TESTS_FAILED) else status


def _trouble(config: pytest.Config, notebook: Notebook, status: int) -> list[str]:
    """What concerns the whole session and leaves nothing decided."""
    trouble = []
    if status not in (_TESTS_PASSED, _TESTS_FAILED):
        trouble.append(f"the session did not run to its end ({pytest.ExitCode(status).name})")
    if config.option.collectonly:
        trouble.append("tests were listed, not run (--collect-only)")
    now = capture_environment(threads=notebook.settings.limits.threads)
    changed = differences(notebook.environment, now)
    if changed:
        trouble.append(f"the machine changed while measuring: {', '.join(changed)}")
    return trouble + regressions(config)


def _disown_what_changed(notebook: Notebook) -> None:
    """A variant whose files are not those that were digested was not what was measured."""
    notebook.built = {name: _unless_changed(found) for name, found in notebook.built.items()}


def _unless_changed(found: Variant | HarnessError) -> Variant | HarnessError:
    if isinstance(found, Variant) and (changed := _changed_files(found)):
        return InfrastructureError(f"its files changed while it was measured: {', '.join(changed)}")
    return found


def _changed_files(variant: Variant) -> list[str]:
    try:
        files = digest_files(variant.directory)
    except OSError as error:
        return [str(error)]
    names = sorted(files.keys() | variant.files.keys())
    return [name for name in names if files.get(name) != variant.files.get(name)]


def _publish(
    report: Report, verdict: Verdict, notebook: Notebook, status: int
) -> tuple[Report, int]:
    from harness.candidates import publish_candidates

    stage, root = notebook.stage, notebook.settings.publish
    if stage is None or root is None or _own(status) or not verdict.publishable:
        return report, 0
    published, refused, status = publish_candidates(verdict, stage, report.release, root)
    return replace(report, published=published, refused=refused), status


def _write(report: Report, notebook: Notebook) -> str:
    """Write the run's folder and the newest run's; the place of the report."""
    from harness.reporters.markdown import render
    from harness.reporters.pareto_plot import comparison_plot
    from harness.reporters.plots import scaling_plots

    evidence = notebook.evidence()
    plots = scaling_plots(evidence)
    files = {name: f"scaling-{name}.svg" for name in plots}
    pareto = comparison_plot(compare(report.variants))
    shown = _PARETO if pareto else None
    root = notebook.settings.reports
    run = notebook.started.strftime("%Y%m%d-%H%M%S-%f")
    for folder in (root / run, root / LATEST):
        write_report(folder / "report.json", report)
        write_text(folder / "report.md", render(report, files, shown))
        write_evidence(folder / "evidence.json", evidence)
        for name, file in files.items():
            write_text(folder / file, plots[name])
        if pareto:
            write_text(folder / _PARETO, pareto)
    return str(root / run / "report.md")
