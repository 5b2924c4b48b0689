"""Controls of the embedded reference: made once, like the plain recipe, and nobody's variant."""

import json
import shutil

import pytest

from harness.builders.control import Plain, build_control, plain_of
from harness.builders.graph import read_quantization
from harness.errors import InfrastructureError
from harness.release import Precision, Role
from harness.store import digest_files
from harness.variant import Quantization, Recipe, Variant


def nodes(bits, block_size, count, operator="MatMulNBits"):
    return Quantization(bits, block_size, 4, True, count, operator)


@pytest.mark.parametrize(
    ("precision", "groups", "wanted"),
    [
        (Precision.INT4, (nodes(4, 64, 9), nodes(4, 128, 10)), Plain(Precision.INT4, 128)),
        (Precision.INT4, (nodes(8, 32, 1), nodes(4, 64, 9)), Plain(Precision.INT4, 64)),
        (
            None,
            (nodes(8, 128, 3), nodes(4, 32, 20, "GatherBlockQuantized")),
            Plain(Precision.INT8, 128),
        ),
        (Precision.INT4, (), Plain(Precision.INT4, 32)),
        (Precision.FP16, (), Plain(Precision.INT8, 32)),
    ],
)
def test_a_control_has_the_bits_and_block_size_of_most_matrices(precision, groups, wanted):
    assert plain_of(precision, groups) == wanted


@pytest.fixture(scope="module")
def reference(embedded):
    folder = embedded["fp32"]
    recipe = Recipe("fp32", Role.REFERENCE, Precision.FP32)
    return Variant(recipe, folder, digest_files(folder), "sha256:0")


def test_a_control_is_made_once_and_is_the_reference_but_for_its_matrices(reference, tmp_path):
    made = build_control(Plain(Precision.INT4, 128), reference, tmp_path)
    [group] = [it for it in read_quantization(made.directory) if it.operator == "MatMulNBits"]
    assert (group.bits, group.block_size, group.symmetric) == (4, 128, True)
    names = {path.name for path in reference.directory.iterdir()}
    assert {path.name for path in made.directory.iterdir()} == names
    config = "genai_config.json"
    same = json.loads((reference.directory / config).read_text())
    assert json.loads((made.directory / config).read_text()) == same
    again = build_control(Plain(Precision.INT4, 128), reference, tmp_path, worker="nobody")
    assert again.files == made.files


def test_a_control_that_cannot_be_made_is_no_fault_of_a_candidate(reference, tmp_path):
    folder = shutil.copytree(reference.directory, tmp_path / "broken")
    (folder / "model.onnx").write_bytes(b"no graph")
    broken = Variant(reference.recipe, folder, digest_files(folder), "sha256:1")
    with pytest.raises(InfrastructureError, match="control-int4-32 cannot be built from fp32: "):
        build_control(Plain(Precision.INT4), broken, tmp_path / "cache")
