import pytest

from harness.answer import Answer
from harness.item import Item, Scorer
from harness.metrics.quality import grade
from harness.reply import Reply


@pytest.mark.parametrize(
    ("scorer", "expected", "right", "wrong"),
    [
        (Scorer.EXACT, "LIS", " LIS\n", "lis"),
        (Scorer.NORMALIZED, "9:00 a.m.", "9:00 A.M", "9:30 a.m."),
        (Scorer.CONTAINS, "Paris", "It is in paris, France.", "It is in Rome."),
        (Scorer.JSON, '{"a": 1, "b": [2]}', '{"b":[2],"a":1}', '{"a": 1}'),
        (Scorer.JSON, '{"a": 1}', '{"a": 1}', '{"a": 1'),
    ],
)
def test_an_answer_is_right_by_its_scorer(scorer, expected, right, wrong):
    item = Item("x", (("user", "?"),), expected, scorer=scorer)
    assert grade(item, Reply(Answer(text=right))).score == 1.0
    assert grade(item, Reply(Answer(text=wrong))).score == 0.0
