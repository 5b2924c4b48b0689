from dataclasses import replace

import pytest

from harness.answer import Answer, Finish
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.quality import ended, grade, is_cut, require_decidable
from harness.reply import Reply

RIGHT_AND_WRONG = {
    Scorer.EXACT: ("LIS", {}, "LIS", "lis"),
    Scorer.NORMALIZED: ("9:00 a.m.", {}, "9:00 A.M", "9:30 a.m."),
    Scorer.CONTAINS: ("Paris", {}, "It is in paris, France.", "It is in Rome."),
    Scorer.REGEX: (r"\b[A-Z]{3}\b", {}, "LIS", "Lis"),
    Scorer.NUMERIC: ("1,200 km", {}, "It is 1200 km.", "1300 km"),
    Scorer.JSON: ('{"a": 1}', {}, '{"a": 1.0}', '{"a": 2}'),
    Scorer.JSON_FIELDS: ('{"a": 1}', {}, '{"a": 1}', '{"b": 1}'),
    Scorer.ROUGE_L: ("A castle", {}, "a castle", "sorry"),
    Scorer.CHRF: ("castle", {}, "castle", "xyz"),
    Scorer.FUNCTION: ("LIS", {"function": "operator:truth"}, "", ""),
    Scorer.CHOICE: ("LIS", {"choices": ("LIS", "OPO")}, (-1.0, -2.0), (-2.0, -1.0)),
    Scorer.LISTED: ("LIS", {"choices": ("LIS", "OPO")}, "A", "OPO"),
}


@pytest.mark.parametrize("scorer", [it for it in Scorer if it is not Scorer.FUNCTION])
def test_every_scorer_tells_right_from_wrong(scorer):
    expected, fields, *said = RIGHT_AND_WRONG[scorer]
    item = Item("x", (("user", "Which?\nA. LIS\nB. OPO"),), expected, scorer=scorer, **fields)
    require_decidable(item)
    replies = [
        Reply(likelihoods=it) if scorer is Scorer.CHOICE else Reply(Answer(text=it)) for it in said
    ]
    assert [grade(item, reply).score for reply in replies] == [1.0, 0.0]


@pytest.mark.parametrize("scorer", [it for it in Scorer if it is not Scorer.CHOICE])
def test_no_answer_at_all_is_never_right(scorer):
    expected, fields, *_ = RIGHT_AND_WRONG[scorer]
    if scorer is Scorer.FUNCTION:
        fields = {"function": "tests.metrics.scorers.functions:is_expected"}
    item = Item("x", (("user", "?"),), expected, scorer=scorer, **fields)
    assert grade(item, Reply(Answer())).score == 0.0


@pytest.mark.parametrize(
    ("scorer", "expected", "message"),
    [
        (Scorer.CONTAINS, " ", "every answer contains"),
        (Scorer.CONTAINS, "A", "every answer contains the letter 'A'"),
        (Scorer.NORMALIZED, "?", "has no words"),
        (Scorer.REGEX, "x*", "every answer matches"),
        (Scorer.REGEX, ".+", "every answer matches"),
        (Scorer.REGEX, "^.*$", "every answer matches"),
        (Scorer.REGEX, "[A-Za-z]", "every answer matches"),
        (Scorer.NUMERIC, "many", "expected must be one number"),
        (Scorer.JSON, "LIS", "expected is not JSON"),
        (Scorer.JSON_FIELDS, "{'a': 1}", "expected is not JSON"),
        (Scorer.ROUGE_L, "...", "has no words"),
        (Scorer.CHRF, "", "has no words"),
        (Scorer.CHOICE, "LIS", "choices must be two texts or more"),
        (Scorer.LISTED, "LIS", "choices must be two texts or more"),
        (Scorer.FUNCTION, "LIS", "must be 'package.module:function'"),
    ],
)
def test_what_nothing_or_everything_would_satisfy_is_refused(scorer, expected, message):
    with pytest.raises(ConfigError, match=message):
        require_decidable(Item("a", (("user", "?"),), expected, scorer=scorer))


@pytest.mark.parametrize(
    ("scorer", "expected"),
    [
        (Scorer.CONTAINS, "7"),
        (Scorer.CONTAINS, "\u662f"),
        (Scorer.REGEX, r"^\S+$"),
        (Scorer.REGEX, r"\d"),
        (Scorer.REGEX, r"^.{1,200}$"),
    ],
)
def test_what_some_answers_fail_is_not_refused(scorer, expected):
    require_decidable(Item("a", (("user", "?"),), expected, scorer=scorer))


def test_an_answer_ends_at_the_first_of_the_texts_that_end_it():
    chat = (("user", "3 + 5"),)
    item = Item("q", chat, "8", scorer=Scorer.NUMERIC, until=("\nQuestion:", "\n\n"))
    going_on = "3 + 5 = 8\n\nso\nQuestion: 2 + 2\nAnswer: 4"
    assert grade(item, Reply(Answer(text=going_on))).score == 1.0
    assert grade(replace(item, until=()), Reply(Answer(text=going_on))).score == 0.0
    assert grade(item, Reply(Answer(text="it is 8"))).score == 1.0
    with pytest.raises(ConfigError, match=r"until is for the scorer .* found 'choice'"):
        Item("q", chat, "a", scorer=Scorer.CHOICE, choices=("a", "b"), until=("x",))


def test_what_ends_an_answer_ends_its_tokens_too():
    item = Item("q", (("user", "3 + 5"),), "8", until=("\n",))
    long = Answer(text="8\nQ: 9", token_ids=(1, 2, 3, 4, 5, 6), finish=Finish.LENGTH)
    found = ended(item, Reply(long)).answer
    assert (found.text, found.token_ids, found.finish) == ("8", (1,), Finish.STOP)
    assert ended(replace(item, until=()), Reply(long)) == Reply(long)


def test_an_empty_answer_may_be_the_exact_one():
    require_decidable(Item("a", (("user", "?"),), "", scorer=Scorer.EXACT))


@pytest.mark.parametrize(
    ("answer", "whole", "cut"),
    [
        ("The Lou", "The Louvre", True),
        ("", "LIS", True),
        ("LIS", "LIS", False),
        ("LIS ", "LIS", False),
        ("The Prado", "The Louvre", False),
        ("The Louvre", "The Lou", False),
    ],
)
def test_an_answer_is_cut_where_another_goes_on_with_the_same(answer, whole, cut):
    assert is_cut(answer, whole) is cut
