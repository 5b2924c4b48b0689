"""What the user or the machine gets wrong: one line each, before anything is written."""

import shutil
from collections import namedtuple
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.builders import olive_bridge
from harness.builders.checkpoint import require_checkpoint
from harness.builders.olive import OliveBuilder
from harness.builders.recipe_config import execution_provider
from harness.errors import BuildError, ConfigError, HarnessError, InfrastructureError
from harness.release import Algorithm, Precision, Provider
from harness.variant import Recipe, Variant

Make = Callable[..., Recipe]
Usage = namedtuple("Usage", "total used free")


def require_build_extra() -> None:
    if find_spec("olive") is None:
        pytest.skip("needs the [build] extra")


def failed(builder: OliveBuilder, source: Path | None, recipe: Recipe) -> HarnessError:
    error = builder.build([recipe], source, lambda name, stage: None)[recipe.name]
    assert isinstance(error, HarnessError)
    assert "\n" not in str(error)
    return error


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        ("config.json", "must hold a config.json: found none in"),
        ("model.safetensors", "must hold weights"),
        ("tokenizer.json", "must hold a tokenizer"),
    ],
)
def test_an_incomplete_checkpoint(
    missing: str, line: str, builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    (checkpoint / missing).unlink()
    error = failed(builder, checkpoint, recipe())

    assert isinstance(error, ConfigError)
    assert line in str(error)
    assert not builder.cache.exists()


def test_no_checkpoint_at_all(builder: OliveBuilder, tmp_path: Path, recipe: Make) -> None:
    assert "[model] path is missing" in str(failed(builder, None, recipe()))
    assert "found no directory" in str(failed(builder, tmp_path / "nowhere", recipe()))


@pytest.mark.parametrize("text", ["not json", "[]"])
def test_a_config_that_is_no_json_object(
    text: str, builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    (checkpoint / "config.json").write_text(text)

    assert "must be a JSON object" in str(failed(builder, checkpoint, recipe()))


def test_a_missing_shard(builder: OliveBuilder, checkpoint: Path, recipe: Make) -> None:
    index = checkpoint / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}')

    assert str(failed(builder, checkpoint, recipe())).endswith("missing model-2.safetensors")


def test_an_index_of_files_that_nobody_reads_is_no_mistake(checkpoint: Path) -> None:
    index = checkpoint / "pytorch_model.bin.index.json"
    index.write_text('{"weight_map": {"a": "pytorch_model-00001-of-00002.bin"}}')

    assert require_checkpoint(checkpoint) == checkpoint


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"algorithm": Algorithm.AWQ}, "on CUDA alone"),
        ({"algorithm": Algorithm.HQQ}, "found hqq"),
        ({"algorithm": Algorithm.K_QUANT}, "set symmetric = false"),
    ],
    ids=["awq", "hqq", "symmetric k_quant"],
)
def test_an_algorithm_that_is_not_offered_stops_no_other(
    change: dict[str, Algorithm],
    line: str,
    builder: OliveBuilder,
    checkpoint: Path,
    recipe: Make,
) -> None:
    recipes = [recipe("odd", **change), recipe("good")]
    built = builder.build(recipes, checkpoint, lambda name, stage: None)

    assert isinstance(built["odd"], ConfigError if "set" in line else BuildError)
    assert line in str(built["odd"])
    assert isinstance(built["good"], Variant)


def test_a_disk_too_full_says_how_much_is_needed_and_free(
    builder: OliveBuilder, checkpoint: Path, recipe: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 7_000_000))
    error = failed(builder, checkpoint, recipe())

    assert type(error) is InfrastructureError
    assert "needs about 50 MB" in str(error)
    assert str(error).endswith("found 7 MB")
    assert not builder.cache.exists()


@pytest.mark.parametrize(
    ("olive", "genai"), [("0.13.0", "0.14.1"), ("0.14.0", "0.18.0"), ("0.13.0", "0.18.1")]
)
def test_an_unknown_pair_of_versions_is_refused_by_name(
    olive: str,
    genai: str,
    checkpoint: Path,
    tmp_path: Path,
    recipe: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    versions = {"olive-ai": olive, "onnxruntime-genai": genai}
    monkeypatch.setattr(olive_bridge, "installed", lambda name: versions.get(name, "1"))
    error = failed(OliveBuilder(tmp_path / "cache"), checkpoint, recipe())

    assert type(error) is InfrastructureError
    assert "install 0.13.0 with 0.18.0" in str(error)
    assert str(error).endswith(f"found {olive} with {genai}")


@pytest.mark.parametrize("package", ["olive-ai", "torch", "transformers"])
def test_a_missing_build_package_names_the_extra(
    package: str,
    checkpoint: Path,
    tmp_path: Path,
    recipe: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    versions = {"olive-ai": "0.13.0", "onnxruntime-genai": "0.18.0", package: None}
    monkeypatch.setattr(olive_bridge, "installed", lambda name: versions.get(name, "1"))
    error = failed(OliveBuilder(tmp_path / "cache"), checkpoint, recipe())

    assert isinstance(error, BuildError)
    assert "pip install -e '.[build]'" in str(error)
    assert str(error).endswith(f"missing {package}")


@pytest.mark.parametrize("provider", [Provider.CUDA, Provider.DML, Provider.WEBGPU])
def test_a_provider_that_is_not_there_names_what_is(
    provider: Provider, checkpoint: Path, tmp_path: Path, recipe: Make
) -> None:
    require_build_extra()
    import onnxruntime

    available = onnxruntime.get_available_providers()
    if execution_provider(provider) in available:
        pytest.skip(f"{provider} is here")
    wanted = recipe("gpu", provider=provider)
    error = failed(OliveBuilder(tmp_path / "cache"), checkpoint, wanted)

    assert type(error) is InfrastructureError
    assert f"building for {provider} needs" in str(error)
    assert ", ".join(available) in str(error)


def test_weights_that_are_none_are_a_failed_build(
    checkpoint: Path, tmp_path: Path, recipe: Make
) -> None:
    require_build_extra()
    error = failed(OliveBuilder(tmp_path / "cache"), checkpoint, recipe("x", Precision.FP32))

    assert isinstance(error, BuildError)
    assert "the build failed with" in str(error)
