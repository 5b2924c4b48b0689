"""Suites run once for every variant of the release; variants are built before the first test."""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from harness.base_model import asks_chats, require_no_chats
from harness.builders.assemble import build_variants
from harness.builders.base import Built, Progress
from harness.builders.checkpoint import require_config
from harness.builders.gguf import checkpoint_of, is_gguf, require_gguf
from harness.errors import BuildError, ConfigError, HarnessError
from harness.plugins.notebook import NOTEBOOK, Notebook
from harness.plugins.options import SETTINGS, Settings, is_gate
from harness.plugins.progress import bar
from harness.probes.host import capture_conditions, capture_environment
from harness.release import Role
from harness.store import forget_latest
from harness.variant import Recipe, Variant

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
        if not config.option.plan:
            forget_latest(config.stash[SETTINGS].reports)
        try:
            config.stash[NOTEBOOK].built = _build(config)
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from error
    return (yield)


def _build(config: pytest.Config) -> Built:
    notebook, settings = config.stash[NOTEBOOK], config.stash[SETTINGS]
    beside = settings.release.with_role(Role.BASELINE)
    wanted = settings.only | {settings.release.reference, *beside}
    recipes = [recipe for recipe in settings.recipes if recipe.name in wanted]
    with bar(config, None, "build") as shown:

        def tell(name: str, stage: str) -> None:
            shown.set_description(f"build {name}: {stage}")
            shown.update()

        source = _source(settings, recipes, tell)
        if isinstance(source, Path):
            notebook.source = source
            _recognize(notebook, source)
        elif source is not None:
            notebook.no_source = f"there is no checkpoint to compare with: {source}"
        built = build_variants(recipes, source, settings.cache, tell)
    for found in built.values():
        if isinstance(found, ConfigError):
            raise found
    _recognize_by(notebook, built)
    return built


def _recognize(notebook: Notebook, directory: Path) -> None:
    """Keep whether the model is asked in chats; ConfigError where it is not, and the bank is."""
    notebook.is_chat = asks_chats(notebook.settings.release.model, directory)
    if not notebook.is_chat:
        require_no_chats(notebook.settings.items)


def _recognize_by(notebook: Notebook, built: Built) -> None:
    """The same by the reference where there is no checkpoint."""
    found = built.get(notebook.settings.release.reference)
    if notebook.source is None and isinstance(found, Variant):
        _recognize(notebook, found.directory)


def _source(
    settings: Settings, recipes: Sequence[Recipe], tell: Progress
) -> Path | HarnessError | None:
    """The checkpoint's directory, made now of a GGUF file; None where the release names none.

    An error where no checkpoint can be made, which leaves what is prebuilt to be judged. Raises
    ConfigError for a folder without a configuration, for a file that is no GGUF, and for one of an
    unknown kind where all is to be built.
    """
    model = settings.release.model
    if model is None:
        return None
    if not is_gguf(model.path):
        require_config(model.path)
        return model.path
    require_gguf(model.path)
    try:
        return checkpoint_of(model.path, settings.cache.parent / "checkpoints", tell)
    except ConfigError as error:
        if all(recipe.prebuilt is None for recipe in recipes):
            raise
        return BuildError(str(error))
    except HarnessError as error:
        return error
