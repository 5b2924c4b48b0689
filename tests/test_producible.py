import json
import shutil
import sys

import pytest

from harness.data_check import Kind
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.producible import find_tokenizer, unproducible
from harness.release import Precision
from harness.store import read_release
from tests.conftest import ROOT

TOKENIZER = ROOT / "fixtures" / "travel" / "model" / "tokenizer.json"


@pytest.fixture
def found():
    pytest.importorskip("tokenizers", reason="needs the [data] extra")

    def found(expected, tokenizer=TOKENIZER, **fields):
        problems = unproducible([Item("a", (("user", "?"),), expected, **fields)], tokenizer)
        return [it.kind for it in problems]

    return found


@pytest.mark.parametrize("expected", ["LIS", " two\nlines ", "東京 🚆", ""])
def test_a_tokenizer_of_bytes_can_produce_every_text(found, expected):
    assert found(expected) == []


@pytest.mark.parametrize(
    ("expected", "scorer", "kinds"),
    [
        ("cafe\u0301", Scorer.EXACT, [Kind.UNPRODUCIBLE]),
        ("cafe\u0301", Scorer.NORMALIZED, []),
        ("a<|im_end|>b", Scorer.CONTAINS, [Kind.UNPRODUCIBLE]),
        ("a<|im_end|>b", Scorer.REGEX, []),
        ('{"to": "Zu\u0308rich"}', Scorer.JSON, [Kind.UNPRODUCIBLE]),
    ],
)
def test_what_does_not_come_back_is_told_if_the_scorer_minds(found, expected, scorer, kinds):
    assert found(expected, scorer=scorer) == kinds


def test_each_choice_must_come_back(found):
    choices = ("Lisbon", "cafe\u0301")
    assert found("Lisbon", scorer=Scorer.CHOICE, choices=choices) == [Kind.UNPRODUCIBLE]


def test_of_choices_that_the_chat_lists_a_letter_will_do(found):
    choices = ("Lisbon", "cafe\u0301 " * 100)
    listed = {"scorer": Scorer.LISTED, "choices": choices}
    assert found(choices[1], **listed) == []


def test_words_that_a_tokenizer_has_not_are_told(found, tmp_path):
    words = {"[UNK]": 0, "lisbon": 1}
    model = {"type": "WordLevel", "vocab": words, "unk_token": "[UNK]"}
    tokenizer = {"version": "1.0", "added_tokens": [], "model": model}
    tokenizer |= {"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(tokenizer))
    assert found("lisbon", path) == []
    assert found("porto", path) == [Kind.UNPRODUCIBLE]
    assert found("Lisbon", path) == [Kind.UNPRODUCIBLE]
    assert found("Lisbon", path, scorer=Scorer.NORMALIZED) == []


@pytest.mark.parametrize(
    ("expected", "scorer", "kinds"),
    [
        ("a b c d e f g", Scorer.EXACT, [Kind.LONG_ANSWER]),
        ("a", Scorer.EXACT, []),
        ('{ "a" :        1       }', Scorer.JSON, []),
    ],
)
def test_an_answer_needs_room(found, expected, scorer, kinds):
    assert found(expected, scorer=scorer, max_new_tokens=6) == kinds


def test_the_tokenizer_is_the_checkpoints_or_that_of_a_built_variant(tmp_path):
    release = read_release(ROOT / "fixtures" / "travel.toml")
    assert find_tokenizer(release) == TOKENIZER
    (tmp_path / "built").mkdir()
    text = f'''
[release]
name = "x"
version = 1
[variants.a]
prebuilt = "built"
role = "reference"
precision = "{Precision.FP32}"
[variants.b]
prebuilt = "built"
[data]
domain = "x"
[policy]
path = "x"
'''
    (tmp_path / "release.toml").write_text(text)
    release = read_release(tmp_path / "release.toml")
    with pytest.raises(ConfigError, match=r"no tokenizer\.json to check answers with: looked in"):
        find_tokenizer(release)
    shutil.copy(TOKENIZER, tmp_path / "built")
    assert find_tokenizer(release) == tmp_path / "built" / "tokenizer.json"


def test_what_is_no_tokenizer_or_cannot_be_read_here_is_one_line(found, tmp_path, monkeypatch):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match="cannot be read as a tokenizer"):
        found("x", tmp_path / "tokenizer.json")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ConfigError, match=r"needs the package tokenizers: install .* \[data\]"):
        found("x")
