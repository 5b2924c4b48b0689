import pytest

from harness.answer import Answer
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers.custom import function, require_function
from harness.reply import Reply

HERE = "tests.metrics.scorers.functions"


def item(name):
    path = name if ":" in name else f"{HERE}:{name}"
    return Item("q7", (("user", "?"),), "LIS", scorer=Scorer.FUNCTION, function=path)


@pytest.mark.parametrize(
    ("name", "text", "score"),
    [("is_expected", "LIS", 1.0), ("is_expected", "OPO", 0.0), ("share", "four", 0.4)],
)
def test_the_score_is_what_the_function_returns(name, text, score):
    assert function(item(name), Reply(Answer(text=text))).score == score


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("number_as_text", "must return a number from 0 to 1: for item q7 it returned '1'"),
        ("nothing", "for item q7 it returned None"),
        ("not_a_number", "returned nan"),
        ("share", "returned 1.2"),
        ("broken", "raised KeyError: 'no such key' on item q7: mend it"),
    ],
)
def test_what_the_function_does_wrong_is_the_users_mistake(name, message):
    with pytest.raises(ConfigError, match=message) as raised:
        function(item(name), Reply(Answer(text="twelve chars")))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.such.module:f", "cannot be imported: ModuleNotFoundError"),
        (f"{HERE}:no_such_name", "cannot be imported: AttributeError"),
        (f"{HERE}:NO_FUNCTION", "must be a function: found int"),
        (":f", "must be 'package.module:function'"),
    ],
)
def test_a_function_that_cannot_be_had_is_refused(path, message):
    with pytest.raises(ConfigError, match=message):
        require_function(item(path))
