"""What each test did becomes evidence; at the end one verdict, the reports and the packages."""

from __future__ import annotations

import math
import traceback
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Never

import pytest
from _pytest.outcomes import Failed, Skipped
from _pytest.terminal import TerminalReporter
from tqdm import tqdm

from harness.durations import duration
from harness.errors import HarnessError, ModelError
from harness.evidence import Check, CheckOutcome
from harness.measurement import Measurement
from harness.plugins.ending import end_session
from harness.plugins.measure import RECORDED, RuleBroken, Undecided, check_of, suite_of, variant_of
from harness.plugins.notebook import NOTEBOOK
from harness.plugins.options import SETTINGS, is_gate
from harness.plugins.progress import bar, is_shown, told, write_past_capture
from harness.verdict import Decision

SUMMARY = pytest.StashKey[str]()
_MEASURED = pytest.StashKey[str]()
_WITHIN_BUDGET = (
    "packaging",
    "precision",
    "accuracy",
    "device",
    "contracts",
    "foundry",
    "latency",
    "edge_cases",
    "memory",
    "scaling",
)
_SILENT_SECONDS = 60.0  # that a log may be
_SHOWN: pytest.StashKey[tqdm[Never]] = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep what became of a check; what the gate raised on purpose is shown as its one line."""
    report = yield
    name = variant_of(item)
    if not is_gate(item.config):
        return report
    if name is None:
        _note_failure(item.config, report, "failed, and it belongs to no variant")
        return report
    error = None if call.excinfo is None else call.excinfo.value
    if isinstance(error, HarnessError):
        report.longrepr = str(error)
    if report.when == "call" or report.outcome != "passed":
        outcome, reason = _classify(item, report, error, name)
        check = Check(suite_of(item), check_of(item), name, outcome, reason)
        _keep(item.config.stash[NOTEBOOK].checks, check)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file that cannot be collected may hold any check, of any variant."""
    report = yield
    if is_gate(collector.config):
        _note_failure(collector.config, report, "could not be collected")
    return report


def _note_failure(
    config: pytest.Config, report: pytest.TestReport | pytest.CollectReport, what: str
) -> None:
    """Trouble of the whole session, whatever becomes of its variants: none is to be published."""
    trouble, text = config.stash[NOTEBOOK].trouble, f"{report.nodeid} {what}"
    if report.failed and text not in trouble:
        trouble.append(text)


def _keep(checks: list[Check], check: Check) -> None:
    """One outcome a check, the worse one where its clean-up failed too."""
    for index, known in enumerate(checks):
        if (known.id, known.variant) == (check.id, check.variant):
            if known.outcome is CheckOutcome.MEASURED:
                checks[index] = check
            return
    checks.append(check)


def _classify(
    item: pytest.Item, report: pytest.TestReport, error: BaseException | None, name: str
) -> tuple[CheckOutcome, str]:
    if hasattr(report, "wasxfail"):
        return CheckOutcome.SKIPPED, f"it is marked xfail ({report.wasxfail or 'no reason given'})"
    if error is None or isinstance(error, RuleBroken | Undecided):
        return _of_record(item.stash.get(RECORDED, ()))
    return _of_error(error, name)


def _of_record(measurements: Sequence[Measurement]) -> tuple[CheckOutcome, str]:
    if not measurements:
        return CheckOutcome.SKIPPED, "it recorded nothing"
    if all(it.absence for it in measurements):
        return CheckOutcome.ABSENT, measurements[0].absence
    return CheckOutcome.MEASURED, ""


def _of_error(error: BaseException, name: str) -> tuple[CheckOutcome, str]:
    line = " ".join((str(error).splitlines() or [""])[0].split()) or type(error).__name__
    if isinstance(error, ModelError):
        if error.variant in ("", name):
            return CheckOutcome.CRASHED, line
        return CheckOutcome.ERROR, f"{error.variant}, which it is measured beside, failed: {line}"
    if isinstance(error, Skipped):
        return CheckOutcome.SKIPPED, f"it was skipped: {line}"
    if isinstance(error, AssertionError | Failed):
        return CheckOutcome.FAILED, line.removeprefix("AssertionError: ")
    if isinstance(error, HarnessError):
        return CheckOutcome.ERROR, line
    return CheckOutcome.ERROR, f"{type(error).__name__}: {line}"


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Show how far measuring is, in place of pytest's dots where someone is looking."""
    config = session.config
    if not is_gate(config):
        return (yield)
    with _log(config), bar(config, len(session.items), "measure") as shown:
        config.stash[_SHOWN] = shown
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if is_shown(config) and isinstance(reporter, TerminalReporter):
            reporter.showfspath = False
        return (yield)


def _log(config: pytest.Config) -> AbstractContextManager[None]:
    """In a log, where there is no bar: what is measured, every minute."""
    if is_shown(config):
        return nullcontext()
    return told(
        lambda: f" measuring {config.stash.get(_MEASURED, 'nothing yet')}{_left(config)}",
        partial(write_past_capture, config),
        _SILENT_SECONDS,
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Name the check that is being measured, and how long all will take."""
    name = item.name.removeprefix("test_")
    item.config.stash[_MEASURED] = name
    if _SHOWN in item.config.stash:
        item.config.stash[_SHOWN].set_description(f"measure {name}{_left(item.config)}")


def _left(config: pytest.Config) -> str:
    """The time that the session will go on for, where that is known."""
    stage = config.stash[NOTEBOOK].stage
    if stage is None or stage.clock is None or not stage.clock.foreseen:
        return ""
    return f", about {duration(stage.clock.until_end())} left"


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Move the bar by one check."""
    if _SHOWN in item.config.stash:
        item.config.stash[_SHOWN].update()


def pytest_report_teststatus(
    report: pytest.TestReport, config: pytest.Config
) -> tuple[str, str, str] | None:
    """No dots beside the bar; failures and skips are in the summary all the same."""
    if not is_gate(config) or not is_shown(config):
        return None
    if report.when != "call" and report.outcome == "passed":
        return "", "", ""
    category = "error" if report.when != "call" and report.failed else report.outcome
    return category, "", ""


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Judge, publish, report, and say so by the exit status.

    After a usage error, and where it was asked what it would take (--plan), there is nothing to
    judge, and nothing is written.
    """
    if not is_gate(session.config) or exitstatus == pytest.ExitCode.USAGE_ERROR:
        return
    if session.config.option.plan:  # 0 would say GO
        session.exitstatus = int(exitstatus) or Decision.INCONCLUSIVE.exit_status
    elif NOTEBOOK in session.config.stash:
        try:
            status, summary = end_session(session.config, int(exitstatus), session.testsfailed)
        except Exception:  # shown below, with status 3: pytest's own 1 would say NO-GO
            status, summary = int(pytest.ExitCode.INTERNAL_ERROR), traceback.format_exc()
        session.config.stash[SUMMARY] = summary
        session.exitstatus = status


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """The verdict, below all that pytest lists."""
    yield
    if SUMMARY in config.stash:
        terminalreporter.section("release gate", sep="=")
        terminalreporter.write(config.stash[SUMMARY])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What needs no inference first: a third of all faults are found in the folder.

    Within a budget what is cheap and what matters most come before the others, each suite of all
    variants.
    """
    if not is_gate(config):
        return
    order = _WITHIN_BUDGET[:1] if math.isinf(config.stash[SETTINGS].budget) else _WITHIN_BUDGET
    items.sort(key=lambda item: _place(suite_of(item), order))


def _place(suite: str, order: Sequence[str]) -> int:
    return order.index(suite) if suite in order else len(order)
