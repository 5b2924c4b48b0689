import pytest

from harness.errors import ConfigError
from harness.item import Item, Scorer

CHAT = (("user", "Code of Lisbon airport?"),)


@pytest.mark.parametrize("messages", [(), (("user", "Hi"), ("assistant", "Hello"))])
def test_a_chat_ends_with_a_question(messages):
    with pytest.raises(ConfigError, match="messages must end with one of role 'user'"):
        Item("a", messages, "LIS")


def test_an_answer_must_have_room():
    with pytest.raises(ConfigError, match="max_new_tokens must be at least 1: found 0"):
        Item("a", CHAT, "LIS", max_new_tokens=0)


def test_an_expectation_that_every_answer_meets_is_refused():
    with pytest.raises(ConfigError, match="every answer contains"):
        Item("a", CHAT, " ", scorer=Scorer.CONTAINS)
    assert Item("a", CHAT, "", scorer=Scorer.EXACT)


def test_an_expectation_that_no_answer_can_meet_is_refused():
    with pytest.raises(ConfigError, match="expected is not JSON"):
        Item("a", CHAT, "LIS", scorer=Scorer.JSON)
    assert Item("a", CHAT, '{"code": "LIS"}', scorer=Scorer.JSON)
