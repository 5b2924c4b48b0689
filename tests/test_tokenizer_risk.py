import json
import shutil

import pytest

from harness.probes.tokenizer import Tokenizer, read_tokenizer
from harness.runtimes.isolated import Isolated
from harness.tokenizer_risk import (
    cut_at_nul,
    typed_special_tokens,
    unnormalized,
    without_token,
)


@pytest.fixture
def scripted(tmp_path):
    with Isolated("harness.runtimes.scripted:Scripted", tmp_path) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def engine(embedded):
    with Isolated("harness.runtimes.ort_genai:OrtGenAI", embedded["int4"]) as runtime:
        yield runtime


def test_a_runtime_that_reads_text_as_text_has_no_risk(scripted):
    tokenizer = Tokenizer({256: "<end>"}, ())
    assert typed_special_tokens(scripted, tokenizer) == {"<end>": False}
    assert not any(cut_at_nul(scripted).values())
    assert not any(unnormalized(scripted, tokenizer).values())


def test_text_is_expected_composed_where_the_file_says_so_alone(scripted):
    for forms, risky in (((), False), (("NFD",), False), (("NFC",), True), (("NFKC",), True)):
        assert set(unnormalized(scripted, Tokenizer({}, forms)).values()) == {risky}


def test_a_runtime_that_reads_text_as_c_does_is_found(tmp_path):
    with Isolated("tests.odd_runtimes:CutsAtNul", tmp_path) as runtime:
        assert all(cut_at_nul(runtime).values())


def test_a_model_without_chats_has_no_system_message_to_cut(tmp_path):
    with Isolated("tests.odd_runtimes:CutsAtNul", tmp_path, is_chat=False) as runtime:
        assert cut_at_nul(runtime, is_chat=False) == {"a user's message": True}


def test_what_is_refused_is_no_risk(tmp_path):
    with Isolated("tests.runtimes.plants:RaisesAnything", tmp_path) as runtime:
        assert not any(cut_at_nul(runtime).values())
        assert not any(unnormalized(runtime, Tokenizer({}, ("NFC",))).values())


def test_todays_engine_has_the_risks_that_the_gates_policy_waives(engine, embedded):
    tokenizer = read_tokenizer(embedded["int4"])
    assert typed_special_tokens(engine, tokenizer) == dict.fromkeys(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), True
    )
    assert all(cut_at_nul(engine).values())
    assert all(unnormalized(engine, tokenizer).values())


def test_a_byte_without_a_token_is_another_one_to_todays_engine(embedded, tmp_path):
    """In place of the letter that stands for the byte 0x16 there is a word that nothing makes."""
    folder = shutil.copytree(embedded["int4"], tmp_path / "folder")
    document = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = document["model"]["vocab"]
    vocabulary["\u0116\u0116\u0116"] = vocabulary.pop("\u0116")
    (folder / "tokenizer.json").write_text(json.dumps(document))
    tokenizer = read_tokenizer(folder)
    with Isolated("harness.runtimes.ort_genai:OrtGenAI", folder) as runtime:
        assert without_token(runtime, tokenizer) == {r"'\x16'": True}
        assert not tokenizer.is_read_so("a\x16b")
        assert runtime.encode(["a\x16b"])[0][1] == -1
    absent = Tokenizer({}, absent_bytes=frozenset({0x16, 0xC0, 0xDF, 0xE0, 0xE1, 0xF1, 0xFF}))
    with Isolated("harness.runtimes.scripted:Scripted", tmp_path) as runtime:
        found = without_token(runtime, absent)
    assert found == dict.fromkeys(
        (r"'\x16'", r"'\u07c0'", r"'\u0800'", r"'\u1000'", r"'\U00040000'"), False
    )
