"""A checkpoint's weights without torch: halves, shards, rows."""

import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.errors import ConfigError
from harness.metrics.weight_names import Piece
from harness.probes.checkpoint import Checkpoint


def values(rows, columns, kind=np.float32):
    return np.arange(rows * columns).reshape(rows, columns).astype(kind)


@pytest.mark.parametrize("kind", [np.float32, np.float16, ml_dtypes.bfloat16])
def test_rows_are_read_in_single_precision_whatever_they_are_stored_in(tmp_path, kind):
    save_file({"a": values(6, 4, kind), "b": values(1, 5, kind)[0]}, tmp_path / "model.safetensors")
    with Checkpoint(tmp_path) as checkpoint:
        assert checkpoint.shapes == {"a": (6, 4), "b": (5,)}
        found = checkpoint.rows([Piece("a", 0, 6)], 2, 4)
        vector = checkpoint.rows([Piece("b", 0, 5)], 0, 5)
    assert (found.dtype, found.tolist()) == (np.float32, values(6, 4)[2:4].tolist())
    assert vector.shape == (5, 1)


def test_pieces_are_read_as_one(tmp_path):
    save_file({"a": values(6, 2), "b": 100 + values(3, 2)}, tmp_path / "model.safetensors")
    whole = np.concatenate([values(6, 2)[1:4], 100 + values(3, 2)])
    pieces = [Piece("a", 1, 4), Piece("b", 0, 3)]
    with Checkpoint(tmp_path) as checkpoint:
        for first, end in [(0, 6), (0, 2), (2, 5), (4, 6)]:
            np.testing.assert_array_equal(checkpoint.rows(pieces, first, end), whole[first:end])


def test_shards_are_those_that_the_index_names(tmp_path):
    save_file({"a": values(2, 2)}, tmp_path / "model-1.safetensors")
    save_file({"b": values(3, 2)}, tmp_path / "model-2.safetensors")
    save_file({"old": values(3, 2)}, tmp_path / "other.safetensors")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with Checkpoint(tmp_path) as checkpoint:
        assert sorted(checkpoint.shapes) == ["a", "b"]


def test_a_directory_without_safetensors_has_no_weights(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with Checkpoint(tmp_path) as checkpoint:
        assert checkpoint.shapes == {}


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 20)
    with pytest.raises(ConfigError, match=r"whole .*model\.safetensors"):
        Checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("kind", "config", "rounding"),
    [
        (np.float32, {"dtype": "float16"}, 2.0**-11),
        (np.float32, {"torch_dtype": "bfloat16"}, 2.0**-8),
        (np.float32, {"dtype": "float32"}, 0),
        (np.float16, {"dtype": "float16"}, 0),
        (np.float32, {}, 0),
    ],
)
def test_what_is_loaded_narrower_than_it_is_stored_is_rounded(tmp_path, kind, config, rounding):
    save_file({"a": values(2, 2, kind)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    with Checkpoint(tmp_path) as checkpoint:
        assert checkpoint.rounding == rounding
