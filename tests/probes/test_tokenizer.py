import json
from pathlib import Path

import pytest

from harness.probes.tokenizer import read_tokenizer

MODEL = Path(__file__).parents[2] / "fixtures" / "travel" / "model"


def test_special_tokens_forms_and_ids_are_as_the_file_states():
    tokenizer = read_tokenizer(MODEL)
    assert tokenizer.special == {0: "<|endoftext|>", 1: "<|im_start|>", 2: "<|im_end|>"}
    assert tokenizer.forms == ("NFC",)
    pytest.importorskip("tokenizers")
    assert tokenizer.encode is not None
    assert tokenizer.encode("cafe\u0301") == tokenizer.encode("café") != tokenizer.encode("cafe")


def test_tokens_that_take_blanks_along_are_left_to_the_rule_that_knows_them(tmp_path):
    document = json.loads((MODEL / "tokenizer.json").read_text(encoding="utf-8"))
    document["added_tokens"][1]["rstrip"] = True
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    assert read_tokenizer(tmp_path).encode is None


def test_a_form_within_a_sequence_of_normalizers_counts(tmp_path):
    inner = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}
    outer = {"type": "Sequence", "normalizers": [inner]}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"normalizer": outer}))
    assert read_tokenizer(tmp_path).forms == ("NFKC",)
    assert read_tokenizer(tmp_path).encode is None  # it is no whole tokenizer


@pytest.mark.parametrize("text", ["", "[]", "{", '{"added_tokens": [{"special": true}]}'])
def test_a_file_that_cannot_be_read_states_nothing(tmp_path, text):
    (tmp_path / "tokenizer.json").write_text(text)
    tokenizer = read_tokenizer(tmp_path)
    assert (tokenizer.special, tokenizer.forms, tokenizer.encode) == ({}, (), None)


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({}, {0x16, 0xF1}),
        ({"unk_token": "<unk>"}, set()),
    ],
)
def test_bytes_that_no_token_is_for_are_read_otherwise(tmp_path, changes, absent):
    letters = [chr(at) for at in range(33, 127)] + [chr(at) for at in range(161, 324) if at != 173]
    vocabulary = {it: at for at, it in enumerate(letters) if it not in (chr(256 + 0x16), "\xf1")}
    model = {"type": "BPE", "unk_token": None, "vocab": vocabulary, **changes}
    document = {"pre_tokenizer": {"type": "ByteLevel"}, "model": model}
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    found = read_tokenizer(tmp_path)
    assert found.absent_bytes == absent
    assert found.is_read_so("Gate 12 \U00010348")
    assert found.is_read_so("a\x16") is found.is_read_so("\U00040000") is not bool(absent)
    document["pre_tokenizer"] = {"type": "Metaspace"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(document))
    assert read_tokenizer(tmp_path).absent_bytes == set()


def test_no_file_states_nothing(tmp_path):
    assert read_tokenizer(tmp_path).special == {}


@pytest.mark.parametrize(
    ("pre_tokenizer", "splits"),
    [
        ({"type": "ByteLevel"}, False),
        ({"type": "Digits", "individual_digits": True}, True),
        ({"type": "Sequence", "pretokenizers": [{"type": "Digits"}, {"type": "ByteLevel"}]}, True),
        (None, False),
    ],
)
def test_numerals_that_are_to_be_split_off_are_read_otherwise(tmp_path, pre_tokenizer, splits):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"pre_tokenizer": pre_tokenizer}))
    found = read_tokenizer(tmp_path)
    assert found.is_read_so("Gate 12")
    assert found.is_read_so("Gate \u00bd") is not splits
