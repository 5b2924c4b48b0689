import pytest

from harness.banks.arc import ARC, OPENBOOKQA
from harness.errors import ConfigError

STEM = "Which of these floats on water?"
TEXTS = ["a nail", "a cork", "a coin"]
NESTED = {
    "id": "W_1",
    "question": {
        "stem": STEM,
        "choices": [{"text": it, "label": n} for n, it in zip("ABC", TEXTS, strict=True)],
    },
    "answerKey": "B",
}
FLAT = {
    "id": "W_1",
    "question": STEM,
    "choices": {"text": TEXTS, "label": ["1", "2", "3"]},
    "answerKey": "2",
}
SHEET = {
    "questionID": "W_1",
    "AnswerKey": "B",
    "question": f"{STEM} (A) a nail (B) a cork (C) a coin",
}
OPEN = {"id": "8-1", "question_stem": STEM, "choices": FLAT["choices"], "answerKey": "2"}


@pytest.mark.parametrize("row", [NESTED, FLAT, SHEET])
def test_a_question_of_arc_is_the_same_in_every_form_that_it_is_published_in(row):
    found = ARC.read(row)
    assert found.prompt == ARC.prompt(row) == f"Question: {STEM}\nAnswer:"
    assert (found.choices, found.expected) == (tuple(TEXTS), "a cork")


@pytest.mark.parametrize("row", [OPEN, NESTED])
def test_openbookqa_asks_the_stem_alone(row):
    assert OPENBOOKQA.fits(row)
    found = OPENBOOKQA.read(row)
    assert (found.prompt, found.choices, found.expected) == (STEM, tuple(TEXTS), "a cork")


def test_choices_in_a_text_are_those_that_end_it():
    row = SHEET | {
        "question": "Ship (A) meets (B). Which sinks? (1) ship (A) (2) none",
        "AnswerKey": "1",
    }
    with pytest.raises(ConfigError, match="must end with choices"):
        ARC.read(row)
    row = SHEET | {"question": "Vitamin (A) is in what? (A) salt (B) carrots", "AnswerKey": "B"}
    found = ARC.read(row)
    assert (found.prompt, found.choices, found.expected) == (
        "Question: Vitamin (A) is in what?\nAnswer:",
        ("salt", "carrots"),
        "carrots",
    )


def test_the_same_text_twice_is_one_choice():
    row = FLAT | {"choices": {"text": ["a nail", "a cork", "a nail"], "label": ["1", "2", "3"]}}
    assert ARC.read(row).choices == ("a nail", "a cork")
    assert ARC.read(row | {"answerKey": "3"}).expected == "a nail"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answerKey": "D"}, "answerKey must be one of 1, 2, 3: found 'D'"),
        ({"answerKey": ""}, "answerKey must be one of 1, 2, 3: found ''"),
        ({"question": " "}, "question must be a text: found ' '"),
        ({"choices": {"text": TEXTS, "label": ["1"]}}, "choices must be texts with a label each"),
        ({"choices": {"text": [1, 2], "label": ["1", "2"]}}, "choices must be texts with a label"),
        ({"choices": TEXTS}, "choices must be texts with a label each"),
    ],
)
def test_values_that_make_no_question_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        ARC.read(FLAT | changes)
