import pytest

from harness.answer import Answer
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers.listed import listed, listing, require_listed
from harness.reply import Reply

CHOICES = ("a kettle", "Lead", "lead pipe", "C++")


def item(*choices, expected="Lead", prompt=None):
    offered = choices or CHOICES
    asked = f"Which one?\n{listing(offered)}\nAnswer:" if prompt is None else prompt
    return Item("a", (("user", asked),), expected, scorer=Scorer.LISTED, choices=offered)


def graded(text, choices=(), **more):
    grade = listed(item(*choices, **more), Reply(Answer(text=text)))
    return grade.score, grade.is_valid


def test_choices_are_listed_with_a_letter_each():
    assert listing(("red", "blue")) == "A. red\nB. blue"


@pytest.mark.parametrize(
    "text",
    [
        "B",
        " b\n",
        "**B**",
        "B. Lead",
        "B) because",
        "B: it is heavy",
        "(B)",
        "It must be (b), for it is heavy",
        "The answer is B.",
        "Answer: B",
        "I take option B",
        "The correct answer is **B**",
        "lead",
        "It is LEAD!",
        "B. a kettle is lighter",
        "B, a heavy one",
        "B and I am sure",
        "B, b",
        "B, A heavy one",
        "B, C is lighter",
    ],
)
def test_an_answer_is_right_that_names_the_expected_choice_by_letter_or_text(text):
    assert graded(text) == (1.0, True)


@pytest.mark.parametrize("text", ["A", "C. lead", "the answer is D", "lead pipe", "A kettle."])
def test_an_answer_that_names_another_choice_is_wrong(text):
    assert graded(text) == (0.0, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I do not know",
        "E",
        "A or (B)",
        "A or B",
        "**A** and **B**",
        "A, B, C or D",
        "B/C",
        "A, or b",
        "A or B, I think",
        "b or c.",
        "The answer is B, or the answer is C",
        "a kettle or lead",
        "misleading",
        "metal(s)",
    ],
)
def test_an_answer_that_names_none_or_several_is_not_valid(text):
    assert graded(text) == (0.0, False)


def test_a_word_of_one_letter_is_no_letter():
    assert graded("A good question. Lead") == (1.0, True)
    assert graded("the answer is a lead one") == (1.0, True)


def test_a_part_of_a_choice_that_is_found_is_not_that_choice():
    assert graded("a lead pipe", expected="lead pipe") == (1.0, True)


def test_a_choice_without_words_is_named_by_its_letter():
    assert graded("B", expected="-", choices=("+", "-")) == (1.0, True)
    assert graded("-", expected="-", choices=("+", "-")) == (0.0, False)
    assert graded("C++", expected="C++") == (1.0, True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"expected": "gold"}, "expected must be one of choices: found 'gold'"),
        ({"prompt": "Which one?"}, r"must list the choices, .*'A\. a kettle': found 'Which one\?'"),
        ({"prompt": "Which?\nA. a kettle\nB. lead pipe\nC. Lead\nD. C++"}, "must list the choices"),
    ],
)
def test_an_item_that_no_answer_could_satisfy_is_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        require_listed(item(**fields))
    require_listed(item())


def test_more_choices_than_letters_are_refused():
    with pytest.raises(ConfigError, match="26 choices at most, a letter each: found 27"):
        require_listed(item(*map(str, range(27)), expected="3", prompt=""))
