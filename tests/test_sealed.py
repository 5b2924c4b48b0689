import json

import pytest

from harness.sealed import read_sealed, sealed_path, write_sealed

MADE_OF = {"variant": "sha256:1", "chat": True}


@pytest.fixture
def path(tmp_path):
    path = sealed_path(tmp_path, MADE_OF)
    write_sealed(path, MADE_OF, {"answers": [0.1, None, "\ud83d"]})
    return path


def test_what_was_kept_is_read_as_it_was(path):
    assert read_sealed(path, MADE_OF) == {"answers": [0.1, None, "\ud83d"]}


@pytest.mark.parametrize("key", MADE_OF)
def test_other_ingredients_have_another_place_and_are_not_served_by_a_copy(path, tmp_path, key):
    others = {**MADE_OF, key: "other"}
    assert sealed_path(tmp_path, others) != path
    assert read_sealed(path, others) is None


def _forged(text):
    return json.dumps({**json.loads(text), "answers": [0.2]})


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-9], _forged, lambda _: "[]", lambda _: "{}", lambda _: ""]
)
def test_what_is_not_as_it_was_written_is_not_read(path, damage):
    path.write_text(damage(path.read_text()))
    assert read_sealed(path, MADE_OF) is None


def test_what_is_no_json_leaves_what_there_was(path):
    write_sealed(path, MADE_OF, {"answers": [float("nan")]})
    assert read_sealed(path, MADE_OF) == {"answers": [0.1, None, "\ud83d"]}
    assert [it.name for it in path.parent.iterdir()] == [path.name]
