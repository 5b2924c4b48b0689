from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.builders import key
from harness.builders.key import ingredients, key_of
from harness.release import Algorithm, Precision, Provider, Role, Stage
from harness.variant import Recipe

SOURCE = {"config.json": "sha256:1", "model.safetensors": "sha256:2"}

CHANGES: list[dict[str, Any]] = [
    {"precision": Precision.INT8},
    {"algorithm": Algorithm.K_QUANT},
    {"block_size": 64},
    {"symmetric": False},
    {"accuracy_level": 1},
    {"provider": Provider.CUDA},
    {"stage": Stage.GRAPH},
    {"is_chat": False},
    {"context_tokens": 4096},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_each_setting_of_a_recipe_changes_the_key(
    change: dict[str, Any], recipe: Callable[..., Recipe]
) -> None:
    assert _key(replace(recipe(), **change)) != _key(recipe())


def test_name_and_role_do_not_change_the_key(recipe: Callable[..., Recipe]) -> None:
    assert _key(recipe("one")) == _key(replace(recipe("other"), role=Role.BASELINE))


@pytest.mark.parametrize(
    "source",
    [{**SOURCE, "config.json": "sha256:3"}, {**SOURCE, "new": "sha256:4"}, {}],
    ids=["changed", "added", "removed"],
)
def test_each_source_file_changes_the_key(
    source: dict[str, str], recipe: Callable[..., Recipe]
) -> None:
    assert key_of(ingredients(recipe(), source)) != _key(recipe())


def test_what_calibration_looks_at_changes_the_key_and_its_place_does_not(
    recipe: Callable[..., Recipe], tmp_path: Path
) -> None:
    keys = []
    for name, text in (("one", "a"), ("two", "a"), ("three", "b")):
        (tmp_path / name).write_text(text)
        keys.append(_key(recipe(calibration=tmp_path / name)))

    folder = tmp_path / "folder"
    for text in ("a", "b"):
        folder.mkdir(exist_ok=True)
        (folder / "one").write_text(text)
        keys.append(_key(recipe(calibration=folder)))

    assert keys[0] == keys[1]
    assert len(set(keys[1:])) == 4
    assert _key(recipe()) not in keys


@pytest.mark.parametrize("package", key.PACKAGES)
def test_each_package_version_changes_the_key(
    package: str, recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _key(recipe())
    installed = key.installed
    monkeypatch.setattr(key, "installed", lambda p: "99" if p == package else installed(p))

    assert _key(recipe()) != before


def test_the_builder_version_changes_the_key(
    recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _key(recipe())
    monkeypatch.setattr(key, "BUILDER_VERSION", key.BUILDER_VERSION + 1)

    assert _key(recipe()) != before


def test_the_builders_own_code_changes_the_key(
    recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = _key(recipe())
    (tmp_path / "key.py").write_text("# other code")
    monkeypatch.setattr(key, "__file__", str(tmp_path / "key.py"))

    assert _key(recipe()) != before


def _key(recipe: Recipe) -> str:
    return key_of(ingredients(recipe, SOURCE))
