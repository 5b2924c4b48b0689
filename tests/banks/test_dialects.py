"""The dialects of one form each: what a row of them asks, and which rows make no question."""

import pytest

from harness.answer import Answer
from harness.asking import Normalize
from harness.banks.boolq import BOOLQ
from harness.banks.gsm8k import GSM8K
from harness.banks.hellaswag import HELLASWAG
from harness.banks.lambada import LAMBADA
from harness.banks.piqa import PIQA
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.quality import grade, require_decidable
from harness.reply import Reply

YES_NO = {"question": "is tin a metal", "passage": "Tin is a soft metal.", "title": "Tin"}
SCENE = {
    "ind": 4,
    "activity_label": "Baking bread",
    "ctx_a": "A baker kneads dough.",
    "ctx_b": "then she",
    "ctx": "A baker kneads dough. then she",
    "endings": ["eats the oven.", "lets it rise [substeps] for an hour.", "sings.", "flies."],
    "label": 1,
}
WAYS = {"goal": "To dry a wet shoe,", "sol1": "put paper into it.", "sol2": "fill it.", "label": 0}
PASSAGE = {"text": "Ann lost her red scarf in May , and in June she found the scarf"}
PROBLEM = {
    "question": "Tom has 3 bags of 24 nuts. How many nuts has he?",
    "answer": "3 bags hold 3*24 = <<3*24=72>>72 nuts.\n#### 72",
}


def answered(question, text):
    item = Item(
        "a",
        (("user", question.prompt),),
        question.expected,
        scorer=question.scorer,
        choices=question.choices,
    )
    require_decidable(item)
    return grade(item, Reply(Answer(text=text))).score


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"answer": True}, "yes"),
        ({"answer": False}, "no"),
        ({"label": 1}, "yes"),
        ({"label": "false"}, "no"),
        ({"answer": "True"}, "yes"),
    ],
)
def test_boolq_is_a_choice_of_no_and_yes_after_the_passage(fields, expected):
    row = YES_NO | fields
    assert BOOLQ.fits(row)
    found = BOOLQ.read(row)
    assert found.prompt == "Tin is a soft metal.\nQuestion: is tin a metal?\nAnswer:"
    assert (found.choices, found.expected) == (("no", "yes"), expected)
    assert found.normalize is Normalize.NONE  # per letter, "yes" would win by its length


def test_hellaswag_is_asked_with_its_activity_and_without_brackets():
    found = HELLASWAG.read(SCENE)
    assert found.prompt == "Baking bread: A baker kneads dough. Then she"
    assert found.choices[1] == found.expected == "lets it rise for an hour."
    page = SCENE | {"ctx_a": "How to bake [header] Knead it [title] Well.", "ctx_b": None}
    assert HELLASWAG.read(page).prompt == "Baking bread: How to bake Knead it. Well."


def test_hellaswag_without_the_parts_of_a_scene_has_the_whole():
    row = {"ctx": "A baker kneads dough.", "endings": SCENE["endings"], "label": "3"}
    found = HELLASWAG.read(row)
    assert (found.prompt, found.expected) == ("A baker kneads dough.", "flies.")


def test_piqa_is_a_choice_of_two_ways_to_a_goal():
    found = PIQA.read(WAYS | {"label": "1"})
    assert found.prompt == "Question: To dry a wet shoe,\nAnswer:"
    assert (found.choices, found.expected) == (("put paper into it.", "fill it."), "fill it.")


def test_lambada_asks_for_the_last_word():
    found = LAMBADA.read(PASSAGE)
    assert found.prompt.endswith(":\n\nAnn lost her red scarf in May , and in June she found the")
    assert found.plain == "Ann lost her red scarf in May , and in June she found the"
    assert (found.shown, found.choices, found.scorer) == ("scarf", (), Scorer.REGEX)
    assert found.max_new_tokens < 16  # from there on an answer is expected to end by itself


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("scarf", 1.0),
        (' "Scarf", and she', 1.0),
        ("\n**scarf**", 1.0),
        ("scarfs", 0.0),
        ("red scarf", 0.0),
        ("The word is scarf", 0.0),
        ("", 0.0),
    ],
)
def test_a_reply_is_right_that_begins_with_that_word(text, score):
    assert answered(LAMBADA.read(PASSAGE), text) == score


def test_marks_in_and_around_a_last_word_are_no_pattern():
    found = LAMBADA.read({"text": 'they called it "well-to-do (ltd)."'})
    assert found.shown == "ltd"
    found = LAMBADA.read({"text": "it was written by J.R.R"})
    assert (answered(found, "J.R.R"), answered(found, "JxRxR")) == (1.0, 0.0)
    found = LAMBADA.read({"text": "they said they didn't."})
    assert (found.shown, answered(found, "Didn't!")) == ("didn't", 1.0)


@pytest.mark.parametrize(
    ("text", "score"),
    [("He has 72 nuts.", 1.0), ("3 x 24 = 72.00", 1.0), ("#### 72", 1.0), ("72 of 100", 0.0)],
)
def test_gsm8k_is_right_by_the_last_number(text, score):
    found = GSM8K.read(PROBLEM)
    assert found.prompt == f"Question: {PROBLEM['question']}\nAnswer:"
    assert (found.shown, found.max_new_tokens) == (PROBLEM["answer"], 256)
    assert answered(found, text) == score


def test_gsm8k_may_write_its_number_with_commas_or_a_currency():
    assert GSM8K.read(PROBLEM | {"answer": "So much: #### $1,250"}).expected == "1250"


@pytest.mark.parametrize(
    ("dialect", "row", "message"),
    [
        (BOOLQ, YES_NO | {"answer": "maybe"}, "answer must be true or false: found 'maybe'"),
        (BOOLQ, YES_NO | {"answer": 2}, "answer must be true or false: found 2"),
        (BOOLQ, YES_NO | {"answer": True, "passage": ""}, "passage must be a text: found ''"),
        (HELLASWAG, SCENE | {"label": ""}, "label must say .* from 0 to 3: found '' .a test split"),
        (HELLASWAG, SCENE | {"label": 4}, "from 0 to 3: found 4"),
        (HELLASWAG, SCENE | {"label": True}, "from 0 to 3: found True"),
        (HELLASWAG, SCENE | {"endings": "x"}, "endings must be a list of texts: found 'x'"),
        (PIQA, WAYS | {"label": -1}, "label must say which choice is right, from 0 to 1: found -1"),
        (PIQA, {"goal": "a", "sol1": "b", "sol2": "c"}, r"has no label: .* \[data\] labels"),
        (LAMBADA, {"text": "word"}, "text must have words before its last: found 'word'"),
        (LAMBADA, {"text": "it ends so ..."}, r"must end with a word: found 'it ends so \.\.\.'"),
        (GSM8K, {"question": "a", "answer": "b ####"}, "must end with '####' and a number"),
    ],
)
def test_values_that_make_no_question_are_refused(dialect, row, message):
    with pytest.raises(ConfigError, match=message):
        dialect.read(row)
