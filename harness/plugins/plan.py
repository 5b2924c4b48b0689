"""Says what a session will take before it takes it (`--plan`), and keeps it within `--budget`."""

import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

import pytest

from harness.clock import CheckOf, Clock
from harness.durations import duration
from harness.planning.budget import affordable, fitted, reduced
from harness.planning.deciding import decidable
from harness.planning.forecast import Forecast, forecast
from harness.planning.pilot import Pilot
from harness.planning.shape import Shape
from harness.planning.survey import needs, survey
from harness.planning.table import announcement, forecast_table
from harness.plugins.measure import RECORDED, check_of, open_stage, suite_of, variant_of
from harness.plugins.notebook import NOTEBOOK, Notebook
from harness.plugins.options import is_gate
from harness.policy import Plan
from harness.stage import Stage


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Ask a little of every variant, say what the rest will take, and open the stage for it."""
    config = session.config
    is_asked = is_gate(config) and not config.option.collectonly and bool(session.items)
    if not is_asked or not _is_wanted(config, session.items):
        return (yield)
    notebook = config.stash[NOTEBOOK]
    with open_stage(notebook, session.items) as stage:
        stage = notebook.stage = _surveyed(config, stage, checks_of(session.items))
        if config.option.plan:
            session.items.clear()
        return (yield)


def _is_wanted(config: pytest.Config, items: Sequence[pytest.Item]) -> bool:
    """Whether somebody asks, or all that the policy requires is to be measured."""
    settings = config.stash[NOTEBOOK].settings
    if config.option.plan or math.isfinite(settings.budget):
        return True
    return set(settings.policy.required) <= {check for check, _ in checks_of(items)}


def checks_of(items: Sequence[pytest.Item]) -> list[CheckOf]:
    """What is to be measured of whom."""
    return [
        (f"{suite_of(it)}.{check_of(it)}", name)
        for it in items
        if (name := variant_of(it)) is not None
    ]


def _surveyed(config: pytest.Config, stage: Stage, checks: Sequence[CheckOf]) -> Stage:
    """The stage with a clock, and within a budget with a plan that fits if that can be known."""
    notebook, tell = config.stash[NOTEBOOK], config.get_terminal_writer().line
    budget, began = notebook.settings.budget, time.monotonic()
    try:
        shape, pilots = survey(stage, notebook.settings.edge_cases)
        shape = replace(shape, roles={name: shape.roles[name] for name in pilots})
        known = [it for it in checks if it[1] in pilots]
        found = forecast(shape, pilots, known)
    except Exception as error:  # an estimate decides nothing; without one all is measured
        why = f"nothing can be said of the time that this takes: {error or type(error).__name__}"
        tell(why)
        kept = "" if math.isinf(budget) else f", and the budget of {duration(budget)} is not kept"
        stage.remarks.append(f"{why}{kept}")
        return replace(stage, clock=Clock({}, budget, began))
    if config.option.plan:
        tell(forecast_table(found))
        for sentence in decidable(stage.rules, stage.items):
            tell(sentence)
    tell(announcement(found))
    clock = Clock(found.seconds, budget, began)
    stage = replace(stage, clock=clock, needs=needs(pilots, shape))
    return stage if math.isinf(budget) else _within(notebook, stage, shape, pilots)


def _within(notebook: Notebook, stage: Stage, shape: Shape, pilots: Mapping[str, Pilot]) -> Stage:
    """The stage with a plan that fits into its clock's budget, as far as plans can be reduced, and
    without the suites that do not fit however small it is: then the others need not be so small.
    """
    clock = stage.clock
    assert clock is not None
    checks, budget = list(clock.foreseen), duration(clock.total)

    def under(plan: Plan, among: Sequence[CheckOf]) -> Forecast:
        return forecast(shape.under(plan), pilots, among)

    def smaller(among: Sequence[CheckOf], seconds: float) -> Plan:
        def total(plan: Plan) -> float:
            return under(plan, among).total

        return fitted(stage.plan, total, seconds, shape.context, shape.vocabulary)

    kept = affordable(under(smaller(checks, 0.0), checks).seconds, clock.left)
    plan = smaller(kept, clock.left)
    found = reduced(stage.plan, plan)
    if less := ", ".join(str(it) for it in found if not it.narrows):
        stage.remarks.append(f"within the budget of {budget} less was measured: {less}")
    if left_out := ", ".join(str(it) for it in found if it.narrows):
        notebook.trouble.append(f"the budget of {budget} leaves a part unseen: {left_out}")
    seconds = under(plan, checks).seconds
    clock = Clock(seconds, clock.total, clock.began)
    clock.leave_out(it for it in checks if it not in kept)
    return replace(stage, plan=plan, clock=clock)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Count what a check takes."""
    stage = item.config.stash[NOTEBOOK].stage if is_gate(item.config) else None
    name = variant_of(item)
    if stage is None or stage.clock is None or name is None:
        return (yield)
    stage.clock.start((f"{suite_of(item)}.{check_of(item)}", name))
    try:
        return (yield)
    finally:
        stage.clock.finish(is_measured=bool(item.stash.get(RECORDED, ())))
