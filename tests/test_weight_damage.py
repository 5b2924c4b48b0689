"""The plants do to a folder what they say, and nothing else."""

import shutil

import numpy as np
import pytest

from harness.store import digest_files
from tests import damage, weight_damage
from tests.weight_damage import DOWN, SCALES, WEIGHTS, layers, read_tensor


@pytest.fixture
def folder(embedded, tmp_path):
    return shutil.copytree(embedded["int4"], tmp_path / "damaged")


def down(folder, part):
    name = next(name for name in layers(folder) if DOWN in name)
    return read_tensor(folder, layers(folder)[name][part])


@pytest.mark.parametrize(
    ("plant", "file"),
    [
        (damage.never_stop, "genai_config.json"),
        (damage.forget_the_end, "genai_config.json"),
        (damage.speak_phi_3, "chat_template.jinja"),
        (damage.double_start, "chat_template.jinja"),
        (damage.drop_start, "chat_template.jinja"),
        (damage.forget_merges, "tokenizer.json"),
        (weight_damage.zero_scales, "model.onnx.data"),
        (weight_damage.spoil_logits, "model.onnx.data"),
        (weight_damage.punch_hole, "model.onnx.data"),
        (weight_damage.forget_norm, "model.onnx.data"),
    ],
)
def test_a_plant_changes_its_one_file_and_leaves_weights_at_their_size(folder, plant, file):
    before, size = digest_files(folder), (folder / "model.onnx.data").stat().st_size
    plant(folder)
    after = digest_files(folder)
    assert [name for name in before if before[name] != after[name]] == [file]
    assert (folder / "model.onnx.data").stat().st_size == size


def test_blocks_and_rows_are_damaged_as_asked(folder):
    before = down(folder, SCALES)
    weight_damage.zero_blocks(folder, 64)
    assert int((down(folder, SCALES) == 0).sum()) == 64
    weight_damage.swap_rows(folder)
    assert np.count_nonzero((down(folder, SCALES) != before).any(axis=1)) <= 66


def test_three_bits_have_every_second_level(folder):
    weight_damage.requantize_to_3_bits(folder, "down_proj")
    packed = down(folder, WEIGHTS)
    assert set(np.unique([packed & 15, packed >> 4])) == set(range(0, 16, 2))
