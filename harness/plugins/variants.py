"""Suites run once for every variant of the release; variants are built before the first test."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.base_model import asks_chats, require_no_chats
from harness.builders.assemble import build_variants
from harness.builders.base import Built, Progress
from harness.builders.gguf import SUFFIX, checkpoint_of
from harness.errors import ConfigError, HarnessError
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
            config.stash[NOTEBOOK].built = _build(config)
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from error
    return (yield)


def _build(config: pytest.Config) -> Built:
    settings = config.stash[SETTINGS]
    beside = settings.release.with_role(Role.BASELINE)
    wanted = settings.only | {settings.release.reference, *beside}
    recipes = [recipe for recipe in settings.recipes if recipe.name in wanted]
    with bar(config, None, "build") as shown:

        def tell(name: str, stage: str) -> None:
            shown.set_description(f"build {name}: {stage}")
            shown.update()

        settings = config.stash[SETTINGS] = config.stash[NOTEBOOK].settings = _sourced(
            settings, tell
        )
        source = settings.release.model.path if settings.release.model else None
        if source is not None and (source / "config.json").is_file():
            _recognize(config.stash[NOTEBOOK], source)
        built = build_variants(recipes, source, settings.cache, tell)
    for found in built.values():
        if isinstance(found, ConfigError):
            raise found
    reference = built[settings.release.reference]
    if source is None and not isinstance(reference, HarnessError):
        _recognize(config.stash[NOTEBOOK], reference.directory)
    return built


def _recognize(notebook: Notebook, directory: Path) -> None:
    """Keep whether the model is asked in chats; ConfigError where it is not, and the bank is."""
    notebook.is_chat = asks_chats(notebook.settings.release.model, directory)
    if not notebook.is_chat:
        require_no_chats(notebook.settings.items)


def _sourced(settings: Settings, tell: Progress) -> Settings:
    """With a checkpoint in place of a GGUF file; what has none cannot be judged."""
    release, model = settings.release, settings.release.model
    if model is None or model.path.suffix.lower() != SUFFIX:
        return settings
    try:
        place = checkpoint_of(model.path, settings.cache.parent / "checkpoints", tell)
    except ConfigError:
        raise
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    return replace(settings, release=replace(release, model=replace(model, path=place)))
