import pytest

from harness.errors import ConfigError
from harness.mistakes import Mistakes, made_of_each


def test_what_can_be_made_of_each_is_and_nothing_is_told():
    assert made_of_each(["1", "2"], int) == [1, 2]
    Mistakes().refuse()


def refuse(value):
    raise ConfigError(f"{value} is wrong")


def test_mistakes_are_told_in_their_order_a_line_each():
    mistakes = Mistakes()
    with mistakes.gathered():
        made_of_each("ab", refuse)
    mistakes.add("c is missing")
    with pytest.raises(ConfigError, match=r"^a is wrong\nb is wrong\nc is missing$"):
        mistakes.refuse()


def test_of_many_mistakes_the_first_are_told_and_the_rest_counted():
    with pytest.raises(ConfigError) as raised:
        made_of_each(range(1020), refuse)
    lines = str(raised.value).splitlines()
    assert (lines[0], lines[-1]) == ("0 is wrong", "and 1,000 more mistakes")
    assert len(lines) == 21


def test_what_is_no_mistake_of_the_users_is_raised_at_once():
    with pytest.raises(ZeroDivisionError):
        made_of_each([0, 1], lambda value: 1 / value)
