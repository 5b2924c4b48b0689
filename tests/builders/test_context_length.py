import json

import pytest

from harness.builders.context_length import shorten_context
from harness.errors import ConfigError


@pytest.fixture
def folder(tmp_path):
    """A finished folder of a context of 8,192 tokens, with a sliding window where one is given."""

    def folder(window=None):
        decoder = {"sliding_window": {"window_size": window}} if window else {}
        model = {"context_length": 8192, "decoder": {"filename": "model.onnx", **decoder}}
        search = {"max_length": 8192, "top_k": 50}
        path = tmp_path / "genai_config.json"
        path.write_text(json.dumps({"model": model, "search": search}))
        return tmp_path

    return folder


@pytest.mark.parametrize(("tokens", "window"), [(4096, None), (4096, 4096), (8192, 512)])
def test_the_context_and_the_longest_answer_are_shortened_and_nothing_else(folder, tokens, window):
    path = folder(window) / "genai_config.json"
    expected = json.loads(path.read_text())
    expected["model"]["context_length"] = expected["search"]["max_length"] = tokens
    shorten_context(path.parent, tokens)
    assert json.loads(path.read_text()) == expected


def test_a_window_that_no_layer_has_cuts_nothing(folder):
    path = folder(262_144) / "genai_config.json"
    config = json.loads(path.read_text())
    config["model"]["decoder"]["sliding_window"]["layers"] = []
    path.write_text(json.dumps(config))
    shorten_context(path.parent, 4096)
    assert json.loads(path.read_text())["model"]["context_length"] == 4096


def test_the_sources_context_leaves_the_folder_byte_for_byte(folder):
    path = folder() / "genai_config.json"
    before = path.read_bytes()
    shorten_context(path.parent, None)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("tokens", "window", "message"),
    [
        (8193, None, r"not be over the source's context of 8,192: found 8,193"),
        (4096, 4097, r"not be under the sliding window .* attention, 4,097: found 4,096"),
    ],
)
def test_a_context_that_the_source_does_not_have_is_the_users_mistake(
    folder, tokens, window, message
):
    path = folder(window) / "genai_config.json"
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=message):
        shorten_context(path.parent, tokens)
    assert path.read_bytes() == before


def test_a_build_that_made_nothing_is_left_alone(tmp_path):
    shorten_context(tmp_path, 4096)
    assert list(tmp_path.iterdir()) == []
