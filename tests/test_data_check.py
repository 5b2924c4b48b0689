import pytest

from harness.data_check import Kind, Trained, duplicates, gist, leaks
from harness.item import Item, Scorer


def chat(*contents):
    roles = ("user", "assistant")
    return tuple((roles[n % 2], content) for n, content in enumerate(contents))


def item(name, *contents, expected="x"):
    return Item(name, chat(*contents), expected)


def found(problems):
    return [(it.kind, it.ids) for it in problems]


def test_a_chat_that_is_asked_twice_is_found_once():
    items = [item("a", "Hi"), item("b", "Ho"), item("c", "Hi"), item("d", "Hi")]
    assert found(duplicates(items)) == [(Kind.DUPLICATE, ("a", "c", "d"))]


def test_the_same_question_with_other_answers_is_worse():
    items = [item("a", "Hi"), item("b", "Hi", expected="y")]
    assert found(duplicates(items)) == [(Kind.CONTRADICTION, ("a", "b"))]


def test_one_question_with_other_choices_is_no_duplicate():
    first = Item("a", chat("Hi"), "x", scorer=Scorer.CHOICE, choices=("x", "y"))
    second = Item("b", chat("Hi"), "z", scorer=Scorer.CHOICE, choices=("w", "z"))
    assert duplicates([first, second]) == []
    same = Item("c", chat("Hi"), "y", scorer=Scorer.CHOICE, choices=("y", "x"))
    assert found(duplicates([first, second, same])) == [(Kind.CONTRADICTION, ("a", "c"))]


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("Code of Lisbon airport?", "code of  LISBON airport", True),
        ("Caf\u00e9 open?", "Cafe\u0301 open?", True),
        ("Convert -5 C.", "Convert 5 C.", False),
        ("Is it 1.5 km?", "Is it 15 km?", False),
        ("Learn C++", "Learn C", False),
    ],
)
def test_near_duplicates_differ_in_nothing_that_matters(one, other, is_near):
    problems = duplicates([item("a", one), item("b", other)])
    assert found(problems) == ([(Kind.NEAR_DUPLICATE, ("a", "b"))] if is_near else [])


def test_what_the_system_says_makes_no_other_question():
    assert gist((("system", "Be brief."), *chat("Hi"))) == gist(chat("hi!"))


def test_a_leak_is_named_with_the_line_that_was_trained_on():
    items = [item("a", "Hi"), item("b", "Ho?"), item("c", "Bye"), item("d", "Ho", "Yes", "Hi")]
    trained = [Trained(chat("Hi"), "train line 1"), Trained(chat("ho"), "train line 2")]
    problems = leaks(items, trained)
    assert found(problems) == [(Kind.LEAK, ("a",)), (Kind.NEAR_LEAK, ("b",))]
    assert "train line 1" in str(problems[0])
    assert "train line 2" in str(problems[1])


def test_what_frames_a_question_makes_no_other_one():
    assert gist(chat("Question: What is tin?\nAnswer:")) == gist(chat("what is tin"))
    assert gist(chat("Question of an answer:")) != gist(chat("of an answer"))
    assert gist(chat("Any question: what is tin?")) != gist(chat("what is tin?"))


def test_a_question_that_was_trained_on_with_other_choices_is_no_leak():
    item = Item("a", chat("How?"), "x", scorer=Scorer.CHOICE, choices=("x", "y"))
    for choices, is_leak in ((("y", "x"), True), (("x", "z"), False), ((), True)):
        for asked in ("How?", "how"):
            found = leaks([item], [Trained(chat(asked), "train line 1", choices)])
            assert bool(found) is is_leak
    [problem] = leaks(
        [item], [Trained(chat("How?"), f"line {n}", ("x", it)) for n, it in enumerate("zy")]
    )
    assert "(line 1)" in problem.reason
