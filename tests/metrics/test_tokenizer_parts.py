"""One tokenizer written in several ways is one; each part that differs is named."""

import copy

import pytest

from harness.metrics.tokenizer_parts import compare_tokenizers, tokenizer_parts

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
DOCUMENT = {
    "model": {
        "type": "BPE",
        "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4},
        "merges": ["a b", "b c"],
        "unk_token": None,
    },
    "added_tokens": [
        {"id": 5, "content": "<end>", "special": True, "lstrip": False, "normalized": False}
    ],
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": BYTES,
    "post_processor": None,
}
CONFIG = {"eos_token": {"content": "<end>"}, "bos_token": None}


def differences(edit, config=None):
    document = copy.deepcopy(DOCUMENT)
    edit(document)
    mine = tokenizer_parts(document, CONFIG if config is None else config)
    return list(compare_tokenizers(mine, tokenizer_parts(DOCUMENT, CONFIG)).differences)


def nested(document):
    document["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [BYTES]}
    document["normalizer"] = {"type": "Sequence", "normalizers": [document["normalizer"]]}
    document["post_processor"] = {"type": "Sequence", "processors": []}


def terse(document):
    document["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False}
    document["model"] |= {"merges": [["a", "b"], ["b", "c"]], "byte_fallback": False}
    del document["model"]["unk_token"], document["post_processor"]


def merged(document):
    document["model"]["vocab"]["<end>"] = 5


@pytest.mark.parametrize("edit", [nested, terse, merged, lambda it: None])
def test_another_way_to_write_the_same_is_no_difference(edit):
    assert differences(edit) == []


def test_a_role_that_was_filled_in_is_no_difference_and_a_lost_one_is():
    assert differences(lambda it: None, {**CONFIG, "pad_token": "<end>"}) == []
    assert differences(lambda it: None, {}) == ["its eos_token is none, the source's <end>"]


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (
            lambda it: it["model"]["vocab"].update(a=1, b=0),
            "the tokens 'a', 'b' have each other's ids (0 and 1 in the source's)",
        ),
        (
            lambda it: it["model"]["vocab"].update(a=1, b=2, c=0),
            "3 tokens have other ids than in the source's: 'a', 'b', 'c' (1 for 0)",
        ),
        (
            lambda it: it["model"]["vocab"].pop("bc"),
            "1 tokens of the source's vocabulary are missing: 'bc'",
        ),
        (
            lambda it: it["model"]["merges"].reverse(),
            "2 merges, the source's 2, the first other one is 1",
        ),
        (
            lambda it: it["model"]["merges"].pop(),
            "1 merges, the source's 2, the first other one is 2",
        ),
        (
            lambda it: it["added_tokens"][0].update(lstrip=True, special=False),
            "the added token '<end>' has lstrip, the source's special",
        ),
        (lambda it: it.update(normalizer=None), 'its normalizer is none, the source\'s {"type":'),
    ],
)
def test_what_differs_is_named(edit, sentence):
    [found] = differences(edit)
    assert found.startswith(sentence)


def test_a_word_piece_that_is_an_added_token_no_more_is_named():
    def lose(document):
        merged(document)
        document["added_tokens"].clear()

    assert differences(lose) == ["'<end>' is no added token, but one of the source's"]


def test_scores_of_a_unigram_model_are_compared():
    model = {"type": "Unigram", "vocab": [["a", -1.0], ["b", -2.0]]}
    one = tokenizer_parts({"model": model}, {})
    assert one.ids == {"a": 0, "b": 1}
    other = tokenizer_parts({"model": {**model, "vocab": [["a", -1.0], ["b", -2.5]]}}, {})
    assert compare_tokenizers(one, other).differences == ("scores of tokens are not the source's",)


@pytest.mark.parametrize("document", [{}, {"model": 3}, {"model": {"vocab": {}, "merges": [3]}}])
def test_what_is_no_tokenizer_is_refused(document):
    with pytest.raises(ValueError, match="is not one that is known here"):
        tokenizer_parts(document, {})
