import pytest

from harness.errors import ConfigError
from harness.item import Item, Scorer

CHAT = (("user", "Code of Lisbon airport?"),)


def test_an_expectation_that_every_answer_meets_is_refused():
    with pytest.raises(ConfigError, match="every answer contains"):
        Item("a", CHAT, " ", scorer=Scorer.CONTAINS)
    assert Item("a", CHAT, "", scorer=Scorer.EXACT)


def test_an_expectation_that_no_answer_can_meet_is_refused():
    with pytest.raises(ConfigError, match="expected is not JSON"):
        Item("a", CHAT, "LIS", scorer=Scorer.JSON)
    assert Item("a", CHAT, '{"code": "LIS"}', scorer=Scorer.JSON)
