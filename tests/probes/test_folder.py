"""A variant's folder as the static checks see it."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.checker import ValidationError

from harness.probes.folder import (
    external_files,
    file_sizes,
    float_tensors,
    read_folder,
    read_length_limits,
    read_penalty,
)


@pytest.fixture
def directory(tmp_path):
    folder = tmp_path / "variant"
    (folder / "sub").mkdir(parents=True)
    (folder / "genai_config.json").write_text(json.dumps({"model": {"context_length": 64}}))
    (folder / "tokenizer.json").write_text("{broken")
    (folder / "tokenizer_config.json").write_text("[]")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "sub" / "weights").write_bytes(b"12345")
    return folder


@pytest.fixture
def model(tmp_path):
    """A graph with its weight in a file of its own, a RoPE cache and an integer beside it."""
    weight = np.array([[1.0, np.nan], [np.inf, 2.0]], np.float32)
    initializers = [
        numpy_helper.from_array(weight, "weight"),
        numpy_helper.from_array(np.ones((8, 2), np.float16), "model.cos_cache"),
        numpy_helper.from_array(np.array([1], np.int64), "shape"),
    ]
    graph = helper.make_graph([], "graph", [], [], initializers)
    path = tmp_path / "model.onnx"
    onnx.save_model(
        helper.make_model(graph),
        path,
        save_as_external_data=True,
        location="weights.data",
        size_threshold=16,
    )
    return path


def test_every_file_is_listed_with_its_size(directory):
    assert file_sizes(directory)["sub/weights"] == 5
    assert read_folder(directory).files == file_sizes(directory)


def test_documents_are_read(directory):
    folder = read_folder(directory)
    assert folder.model == {"context_length": 64}


def test_what_is_no_json_object_is_named_and_left_out(directory):
    folder = read_folder(directory)
    assert list(folder.documents) == ["genai_config.json"]
    array, broken = folder.unreadable
    assert array == "tokenizer_config.json holds no JSON object"
    assert broken.startswith("tokenizer.json is not readable JSON: ")


def test_an_empty_folder_is_read_too(tmp_path):
    folder = read_folder(tmp_path)
    assert (folder.files, folder.documents, folder.unreadable) == ({}, {}, ())


def test_the_checkpoints_documents_stand_beside_the_variants(directory, tmp_path):
    (tmp_path / "config.json").write_text('{"vocab_size": 9}')
    folder = read_folder(directory, tmp_path)
    assert folder.documents["source/config.json"] == {"vocab_size": 9}


def test_files_that_hold_weights_are_named(model):
    assert external_files(model) == ("weights.data",)


def test_floating_point_tensors_are_told_with_what_is_wrong_in_them(model):
    weight, cache = float_tensors(model)
    assert (weight.name, weight.shape, weight.bad_values) == ("weight", (2, 2), 2)
    assert (cache.shape, cache.bad_values) == ((8, 2), 0)
    assert [weight.is_rope_cache, cache.is_rope_cache] == [False, True]


def test_weights_that_are_missing_or_too_short_raise(model):
    data = model.with_name("weights.data")
    data.write_bytes(b"123")
    with pytest.raises(ValueError, match="weight"):
        list(float_tensors(model))
    data.unlink()
    with pytest.raises(ValidationError, match="weight"):
        list(float_tensors(model))


def test_length_limits_are_read_from_the_variant_and_from_what_it_was_made_from(
    directory, tmp_path
):
    decoder = {"sliding_window": {"window_size": 500}}
    (directory / "genai_config.json").write_text(json.dumps({"model": {"decoder": decoder}}))
    (directory / "config.json").write_text("{broken")
    rope = {"rope_scaling": {"original_max_position_embeddings": 700}}
    (tmp_path / "config.json").write_text(json.dumps(rope))
    assert read_length_limits(directory) == {500}
    assert read_length_limits(directory, tmp_path) == {500, 700}
    assert read_length_limits(tmp_path / "nowhere") == set()


@pytest.mark.parametrize(
    ("search", "penalty"),
    [
        ({"repetition_penalty": 1.05}, 1.05),
        ({}, 1.0),
        (None, 1.0),
        ({"repetition_penalty": None}, 1.0),
        ({"repetition_penalty": "1.1"}, 1.0),
        ({"repetition_penalty": 0}, 1.0),
    ],
)
def test_the_repetition_penalty_is_the_packages_own(tmp_path, search, penalty):
    (tmp_path / "genai_config.json").write_text(json.dumps({"search": search}))
    assert read_penalty(tmp_path) == penalty


def test_a_folder_without_a_configuration_has_no_repetition_penalty(tmp_path):
    assert read_penalty(tmp_path) == 1.0
