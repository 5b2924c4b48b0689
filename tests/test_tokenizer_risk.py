import pytest

from harness.probes.tokenizer import Tokenizer, read_tokenizer
from harness.runtimes.isolated import Isolated
from harness.tokenizer_risk import cut_at_nul, typed_special_tokens, unnormalized


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
