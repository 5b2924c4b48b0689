from dataclasses import replace

import pytest

from harness.answer import Answer, Finish, Request
from harness.metrics.edge_cases import (
    Expected,
    Prompt,
    Trial,
    broken_promise,
    expected_of,
    has_numerals,
    is_normal,
    parting,
    shown,
)

NORMAL = Answer(token_ids=(1,), text="fine")
TRIAL = Trial(Request(text="?", max_new_tokens=2), Expected.EITHER, NORMAL, NORMAL, NORMAL)
REFUSED = Answer(finish=Finish.ERROR, error="too long")


def answered(text="fine", tokens=(1,), **options):
    return {"answer": Answer(token_ids=tokens, text=text, **options)}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"answer": REFUSED},
        {"answer": REFUSED, "expected": Expected.ERROR},
        {"expected": Expected.ANSWER},
        {"again": NORMAL, "decoded": "fine"},
        {"again": Answer(token_ids=(2,)), "is_tie": True},
        {"decoded": "fine", "prompt": Prompt((), (), False)},
        {**answered("Caf"), "decoded": "Caf\ufffd"},  # half a character at the limit
        {**answered("Caffe"), "decoded": "Caf\ufffd"},  # decoding ends at what is no character
        {**answered("Caf after a NUL"), "decoded": "Caf"},
        answered(non_finite=0),
    ],
)
def test_nothing_is_broken(changes):
    assert broken_promise(replace(TRIAL, **changes)) == ""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"answer": Answer(finish=Finish.ERROR)}, "an error without a message"),
        (
            {"answer": REFUSED, "expected": Expected.ANSWER},
            "it was refused (too long)",
        ),
        ({"expected": Expected.ERROR}, "it was answered ('fine') where an error is right"),
        (answered(tokens=(1, 2, 3)), "3 new tokens, the limit was 2"),
        (answered(text="\ud800"), "the text is not valid Unicode"),
        (
            {**answered("Z\ufffd\ufffdrich"), "decoded": "Zürich"},
            "streamed as 'Z\\ufffd\\ufffdrich', decoded at once 'Z\\xfcrich'",
        ),
        (
            {**answered("Cof"), "decoded": "Caf\ufffd"},
            "streamed as 'Cof', decoded at once 'Caf\\ufffd'",
        ),
        (
            {**answered("Caf"), "decoded": "Cafe"},
            "streamed as 'Caf', decoded at once 'Cafe'",
        ),
        (answered(non_finite=2), "2 steps without finite logits"),
        (
            {"prompt": Prompt(is_cut=True)},
            "what is added to the prompt's end changes nothing: it is cut",
        ),
        (
            {**answered(prompt_ids=(5,)), "prompt": Prompt(encoded=(5, 6))},
            "the prompt was 1 tokens, the tokenizer gives 2",
        ),
        (
            {**answered(prompt_ids=(5,)), "prompt": Prompt((5,), stated=(6,))},
            "the prompt was 1 tokens, tokenizer.json states other ones",
        ),
        (
            {"again": Answer(token_ids=(2,), text="other")},
            "asked again it said 'other', not 'fine' as before",
        ),
        ({"again": REFUSED}, "asked again it said 'too long', not 'fine' as before"),
        ({"after": Answer(text="other")}, "a normal request after it gave 'other'"),
        ({"after": REFUSED}, "a normal request after it gave 'too long'"),
        ({"answer": REFUSED, "after": REFUSED}, "a normal request after it gave 'too long'"),
    ],
)
def test_what_must_hold_of_an_odd_request(changes, problem):
    assert broken_promise(replace(TRIAL, **changes)) == problem


def test_answers_part_at_the_first_token_that_differs():
    one, other = Answer(token_ids=(1, 2, 3)), Answer(token_ids=(1, 4, 3))
    assert parting(one, other) == 1
    assert parting(one, one) is None
    assert parting(one, Answer(token_ids=(1,))) == 1


def test_numerals_are_all_but_the_digits_of_ascii():
    assert not has_numerals("a 12 xyz \u00e9 \u4e00")
    assert all(has_numerals(text) for text in ("\u00bd", "x\u00b2", "\u0663", "\u2460"))


def test_a_text_is_normal_where_normalizing_changes_nothing():
    assert is_normal("é", ["NFC"])
    assert not is_normal("e\u0301", ["NFC"])
    assert not is_normal("\u2026", ["NFC", "NFKC"])
    assert is_normal("e\u0301", [])


def test_half_a_character_may_be_refused_and_no_other_text():
    assert expected_of("Zürich 🏨 \ufffe") is Expected.ANSWER
    assert expected_of("\udc80") is Expected.EITHER


def test_a_long_text_is_shown_by_its_beginning_in_plain_characters():
    assert shown("é" * 100) == "'" + "\\xe9" * 40 + "'..."
