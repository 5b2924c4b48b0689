"""Fixtures of the suites: `bench` to measure with, `record` to hand in what was measured."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from _pytest.outcomes import Failed, Skipped

from harness.bank import order_of, shuffled
from harness.bench import Bench
from harness.durations import duration
from harness.errors import HarnessError
from harness.evidence import NO_CHATS
from harness.finding import Finding, Outcome
from harness.fleet import Fleet
from harness.listener import Listener
from harness.measurement import Measurement
from harness.ordeal import OddRequest
from harness.plugins.notebook import NOTEBOOK, Notebook
from harness.plugins.options import SETTINGS
from harness.plugins.variants import NAME
from harness.release import Role
from harness.reply_cache import ReplyCache, ingredients
from harness.source_cache import SourceCache
from harness.stage import Stage
from harness.verdict import judge_measurements


class Record(Protocol):
    """The `record` fixture: hands in a check's measurements, once, at its end."""

    def __call__(self, *measurements: Measurement) -> None:
        """Keep them as evidence; red when a rule is broken, skipped when one is undecided."""


OddRequests = Callable[[Bench], dict[str, OddRequest]]
"""The `edge_cases` fixture: odd requests by name, for the variant of a bench."""


class RuleBroken(Failed):
    """A rule that the check's own measurements break."""


class Undecided(Skipped):
    """A rule that the check's own measurements do not decide."""


RECORDED: pytest.StashKey[Sequence[Measurement]] = pytest.StashKey()


@pytest.fixture(scope="session")
def stage(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The runtimes of the session and what every bench shares."""
    notebook = pytestconfig.stash[NOTEBOOK]
    if notebook.stage is not None:
        yield notebook.stage
        return
    with open_stage(notebook, request.session.items) as stage:
        notebook.stage = stage
        yield stage


@contextmanager
def open_stage(notebook: Notebook, tests: Sequence[pytest.Item]) -> Iterator[Stage]:
    """The runtimes of what is built, to be measured by these tests."""
    settings = notebook.settings
    release, plan = settings.release, settings.policy.plan
    tested = {variant_of(item) for item in tests}
    there = [name for name, it in notebook.built.items() if not isinstance(it, HarnessError)]
    order = order_of(settings.items, notebook.subject(release.reference).digest)
    listener = Listener(notebook.is_chat, settings.items)
    replies, said = caches(notebook)
    with Fleet(
        notebook.built,
        release.runtime.factory,
        plan.deadline_seconds,
        listener.hear,
        settings.limits,
        notebook.is_chat,
    ) as fleet:
        yield Stage(
            fleet=fleet,
            listener=listener,
            reference=release.reference,
            names=tuple(name for name in there if name in tested),
            baseline=next(iter(release.with_role(Role.BASELINE)), ""),
            rules=settings.policy.rules,
            items=shuffled(settings.items, order)[: plan.accuracy_items or None],
            text=settings.text,
            plan=plan,
            environment=notebook.environment.fingerprint,
            seed=settings.seed,
            device=settings.device,
            machine=settings.machine,
            source=notebook.source,
            no_source=notebook.no_source,
            cache=settings.cache,
            reply_cache=replies,
            source_cache=said,
            limits=settings.limits,
            floor=release.data.floor,
            stated_context=release.model.context_tokens if release.model else None,
        )


def caches(notebook: Notebook) -> tuple[ReplyCache, SourceCache] | tuple[None, None]:
    """What the reference replied before and what the source said of that, beside the cache of
    variants; none where the plan says so, or where there is no reference.
    """
    settings = notebook.settings
    reference = notebook.subject(settings.release.reference).digest
    if not reference or not settings.policy.plan.keep_reference_replies:
        return None, None
    factory, environment = settings.release.runtime.factory, notebook.environment.fingerprint
    made_of = ingredients(reference, factory, environment, notebook.is_chat)
    beside = settings.cache.parent
    return ReplyCache(beside / "replies", made_of), SourceCache(beside / "source", made_of)


@pytest.fixture
def bench(stage: Stage, variant_name: str, request: pytest.FixtureRequest) -> Bench:
    """The variant under test beside the reference, for the suite of this module.

    Skips what cannot be measured because there is no variant: that is one finding, not twenty.
    """
    for name in (variant_name, stage.reference):
        found = request.config.stash[NOTEBOOK].built[name]
        if isinstance(found, HarnessError):
            pytest.skip(f"there is no {name}: {found}")
    check = (f"{suite_of(request.node)}.{check_of(request.node)}", variant_name)
    if stage.clock is not None and stage.clock.is_short_for(check):
        pytest.skip(f"the budget of {duration(stage.clock.total)} leaves no time for it")
    return Bench(stage, variant_name, suite_of(request.node))


@pytest.fixture
def edge_cases(pytestconfig: pytest.Config, bench: Bench) -> OddRequests:
    """The pack of odd requests, for the context length and the tokenizer of a bench's variant."""
    settings = pytestconfig.stash[SETTINGS]
    if settings.replaced_cases:
        names = ", ".join(settings.replaced_cases)
        bench.remark(f"the release states these edge cases anew, in place of the gate's: {names}")

    cases = [it for it in settings.edge_cases if bench.is_chat or not it.is_chat]
    if len(cases) < len(settings.edge_cases):
        names = ", ".join(it.name for it in settings.edge_cases if it.is_chat)
        bench.remark(f"edge cases that are not applicable, {NO_CHATS}: {names}")

    def of(bench: Bench) -> dict[str, OddRequest]:
        def encode(text: str) -> list[int]:
            return bench.encode([text])[0]

        return {
            it.name: (it.request(bench.context_tokens, bench.long_prompt, encode), it.expected)
            for it in cases
        }

    return of


@pytest.fixture
def failures(pytestconfig: pytest.Config, variant_name: str) -> Path:
    """Where what broke a promise of this variant is kept from session to session."""
    from hypothesis.configuration import set_hypothesis_home_dir

    set_hypothesis_home_dir(pytestconfig.stash[SETTINGS].cache.with_name("hypothesis"))
    return pytestconfig.stash[SETTINGS].failures / variant_name


@pytest.fixture
def record(request: pytest.FixtureRequest, variant_name: str) -> Record:
    """Hand in a check's measurements; they are judged by the rules that concern them.

    So are the answers that users would read among those given meanwhile.
    """
    notebook = request.config.stash[NOTEBOOK]
    if notebook.stage is not None:
        notebook.stage.listener.begin()

    def hand_in(*measurements: Measurement) -> None:
        request.node.stash[RECORDED] = measurements
        watched = notebook.watched(suite_of(request.node), variant_name)
        notebook.measurements.extend(measurements)
        policy = notebook.settings.policy
        every = (*measurements, *watched)
        found = judge_measurements(every, variant_name, notebook.evidence(), policy)
        _raise_what_is_wrong(found)

    return hand_in


def suite_of(item: pytest.Item) -> str:
    """The suite that a test belongs to: its file's name without ``test_``."""
    return item.path.stem.removeprefix("test_")


def check_of(item: pytest.Item) -> str:
    """The check that a test is: its function's name without ``test_``."""
    return str(getattr(item, "originalname", item.name)).removeprefix("test_")


def variant_of(item: pytest.Item) -> str | None:
    """The variant that a test is about."""
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get(NAME)


def _raise_what_is_wrong(findings: tuple[Finding, ...]) -> None:
    for outcome, kind in ((Outcome.FAIL, RuleBroken), (Outcome.INCONCLUSIVE, Undecided)):
        reasons = [it.reason for it in findings if it.outcome is outcome and it.decides]
        if reasons:
            raise kind("; ".join(reasons), pytrace=False)
