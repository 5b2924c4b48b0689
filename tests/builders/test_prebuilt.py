import shutil
from pathlib import Path

import numpy
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.builders.assemble import build_variants
from harness.builders.prebuilt import PrebuiltBuilder
from harness.errors import ConfigError, HarnessError
from harness.release import Precision, Role
from harness.variant import Recipe, Variant


def ignore(name: str, stage: str) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "prebuilt"
    directory.mkdir()
    (directory / "genai_config.json").write_text("{}")
    weight = numpy_helper.from_array(numpy.zeros((2, 2), numpy.float16), "w")
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT16, [2])
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    onnx.save(
        helper.make_model(helper.make_graph([node], "g", [value], [], [weight])),
        directory / "model.onnx",
    )
    return directory


@pytest.fixture
def quantized(folder: Path) -> Path:
    node = helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], bits=4, block_size=32)
    graph = helper.make_graph([node], "g", [], [])
    onnx.save(helper.make_model(graph), folder / "model.onnx")
    return folder


def adopt(
    directory: Path, precision: Precision | None = None, role: Role = Role.CANDIDATE
) -> Variant | HarnessError:
    recipe = Recipe("theirs", role, precision, prebuilt=directory)
    return PrebuiltBuilder().build([recipe], None, ignore)["theirs"]


def test_a_folder_is_adopted_where_it_lies(folder: Path) -> None:
    variant = adopt(folder)

    assert isinstance(variant, Variant)
    assert variant.directory == folder
    assert sorted(variant.files) == ["genai_config.json", "model.onnx"]


def test_the_precision_is_read_from_the_graph(folder: Path) -> None:
    variant = adopt(folder)

    assert isinstance(variant, Variant)
    assert variant.recipe.precision is Precision.FP16


def test_the_precision_that_the_release_file_says_is_kept(folder: Path) -> None:
    variant = adopt(folder, Precision.INT4)

    assert isinstance(variant, Variant)
    assert variant.recipe.precision is Precision.INT4


@pytest.mark.parametrize("stated", [None, Precision.FP32, Precision.FP16])
def test_a_quantized_graph_is_no_reference_whatever_is_stated(
    stated: Precision | None, quantized: Path
) -> None:
    error = adopt(quantized, stated, Role.REFERENCE)

    assert isinstance(error, ConfigError)
    assert str(error).startswith("[variants.theirs] the reference is what quantization is compared")
    assert str(error).endswith(f"must be fp32 or fp16: found int4 in {quantized}")


def test_a_graph_of_another_width_than_stated_is_not_judged_by_the_limits_of_that(
    folder: Path,
) -> None:
    error = adopt(folder, Precision.FP32)

    assert isinstance(error, ConfigError)
    assert str(error) == f"[variants.theirs] precision says fp32, but the graph in {folder} is fp16"


def test_another_byte_is_another_digest(folder: Path) -> None:
    before = adopt(folder)
    (folder / "genai_config.json").write_text("{ }")
    after = adopt(folder)

    assert isinstance(before, Variant)
    assert isinstance(after, Variant)
    assert before.digest != after.digest


@pytest.mark.parametrize("content", [None, b"\xff\xff not a graph"])
def test_an_incomplete_folder_is_adopted_for_its_suites_to_judge(
    content: bytes | None, folder: Path
) -> None:
    (folder / "model.onnx").unlink()
    if content is not None:
        (folder / "model.onnx").write_bytes(content)
    variant = adopt(folder)

    assert isinstance(variant, Variant)
    assert variant.quantization == ()


def test_a_folder_that_does_not_exist_is_a_mistake_in_the_release_file(tmp_path: Path) -> None:
    error = adopt(tmp_path / "nowhere")

    assert isinstance(error, ConfigError)
    assert str(error).startswith("[variants.theirs] prebuilt must be an onnxruntime-genai folder")


def test_a_folder_without_genai_config_is_none_of_ours(folder: Path) -> None:
    (folder / "genai_config.json").unlink()
    error = adopt(folder)

    assert isinstance(error, ConfigError)
    assert "found no genai_config.json" in str(error)


def test_a_release_keeps_its_order_and_one_error_stops_nothing(
    folder: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "genai_config.json").unlink()
    recipes = [
        Recipe("first", Role.REFERENCE, Precision.FP32),
        Recipe("second", Role.CANDIDATE, None, prebuilt=broken),
        Recipe("third", Role.CANDIDATE, None, prebuilt=folder),
    ]
    built = build_variants(recipes, tmp_path / "no-checkpoint", tmp_path / "cache", ignore)

    assert list(built) == ["first", "second", "third"]
    assert [type(outcome) for outcome in built.values()] == [ConfigError, ConfigError, Variant]
    assert not (tmp_path / "cache").exists()
