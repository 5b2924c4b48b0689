"""Suites run once for every variant of the release; variants are built before the first test."""

from collections.abc import Generator

import pytest

from harness.builders.assemble import build_variants
from harness.builders.base import Built
from harness.errors import ConfigError
from harness.plugins.notebook import NOTEBOOK, Notebook
from harness.plugins.options import SETTINGS, Settings, is_gate
from harness.plugins.progress import bar
from harness.probes.host import capture_conditions, capture_environment
from harness.release import Role
from harness.store import forget_latest

NAME = "variant_name"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per variant that --only leaves, in the release file's order."""
    if NAME in metafunc.fixturenames and is_gate(metafunc.config):
        settings = metafunc.config.stash[SETTINGS]
        names = [name for name in settings.release.variants if name in settings.only]
        metafunc.parametrize(NAME, names, scope="session")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Open the notebook: from here on the session can end with a verdict, whatever happens."""
    if is_gate(session.config):
        settings = session.config.stash[SETTINGS]
        environment = capture_environment(threads=settings.limits.threads)
        notebook = Notebook(settings, environment, conditions=[capture_conditions()])
        session.config.stash[NOTEBOOK] = notebook


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Build what is to be measured, once it is known that something is."""
    config = session.config
    if is_gate(config) and session.items and not config.option.collectonly:
        forget_latest(config.stash[SETTINGS].reports)
        try:
            config.stash[NOTEBOOK].built = _build(config, config.stash[SETTINGS])
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from error
    return (yield)


def _build(config: pytest.Config, settings: Settings) -> Built:
    beside = settings.release.with_role(Role.BASELINE)
    wanted = settings.only | {settings.release.reference, *beside}
    recipes = [recipe for recipe in settings.recipes if recipe.name in wanted]
    source = settings.release.model.path if settings.release.model else None
    with bar(config, None, "build") as shown:

        def tell(name: str, stage: str) -> None:
            shown.set_description(f"build {name}: {stage}")
            shown.update()

        built = build_variants(recipes, source, settings.cache, tell)
    for found in built.values():
        if isinstance(found, ConfigError):
            raise found
    return built
