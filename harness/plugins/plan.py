"""Says what a session will take before it takes it (`--plan`), and keeps it within `--budget`."""

import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace

import pytest

from harness.bench import Stage
from harness.clock import CheckOf, Clock
from harness.durations import duration
from harness.errors import HarnessError
from harness.planning.budget import fitted, shortened
from harness.planning.deciding import decidable
from harness.planning.forecast import Forecast, forecast
from harness.planning.pilot import Pilot
from harness.planning.shape import Shape
from harness.planning.survey import survey
from harness.planning.table import announcement, forecast_table
from harness.plugins.measure import check_of, open_stage, suite_of, variant_of
from harness.plugins.notebook import NOTEBOOK, Notebook
from harness.plugins.options import is_gate
from harness.policy import Plan

_CHEAP_FIRST = (
    "packaging",
    "precision",
    "contracts",
    "device",
    "accuracy",
    "foundry",
    "latency",
    "edge_cases",
    "memory",
    "scaling",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Within a budget what costs little and refuses most comes first."""
    if is_gate(config) and math.isfinite(config.stash[NOTEBOOK].settings.budget):
        items.sort(key=lambda it: _place(suite_of(it)))


def _place(suite: str) -> int:
    return _CHEAP_FIRST.index(suite) if suite in _CHEAP_FIRST else len(_CHEAP_FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Ask a little of every variant, say what the rest will take, and open the stage for it."""
    config = session.config
    if not is_gate(config) or config.option.collectonly or not _is_wanted(config, session.items):
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
    """The stage with a clock, and a plan that fits; as it was where a variant does not answer."""
    notebook, tell = config.stash[NOTEBOOK], config.get_terminal_writer().line
    began = time.monotonic()
    known = [it for it in checks if it[1] in (stage.reference, *stage.names)]
    try:
        shape, pilots = survey(stage, notebook.settings.edge_cases)
    except HarnessError as error:
        tell(f"nothing can be said of the time that this takes: {error}")
        return stage
    found = forecast(shape, pilots, known)
    if config.option.plan:
        tell(forecast_table(found))
        for sentence in decidable(stage.rules, stage.items):
            tell(sentence)
    tell(announcement(found))
    return _within(notebook, stage, shape, pilots, found, began)


def _within(
    notebook: Notebook,
    stage: Stage,
    shape: Shape,
    pilots: Mapping[str, Pilot],
    found: Forecast,
    began: float,
) -> Stage:
    """The stage with a clock, and within a budget with a plan that fits into it."""
    budget, checks = notebook.settings.budget, list(found.seconds)
    if math.isinf(budget):
        return replace(stage, clock=Clock(found.seconds))

    def under(plan: Plan) -> Forecast:
        return forecast(shape.under(plan), pilots, checks)

    plan = fitted(stage.plan, lambda it: under(it).total, budget, shape.context, shape.vocabulary)
    for name, (before, after) in shortened(stage.plan, plan).items():
        stage.remarks.append(
            f"within the budget of {duration(budget)}: {name} {after:,}, not {before or 'all'}"
        )
    if shape.under(plan).rungs != shape.rungs:
        notebook.trouble.append(
            f"the budget of {duration(budget)} leaves prompts over "
            f"{plan.scaling_longest_tokens:,} tokens unmeasured"
        )
    return replace(stage, plan=plan, clock=Clock(under(plan).seconds, budget, began))


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
        stage.clock.finish()
