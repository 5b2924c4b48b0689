import pytest

from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers import pattern


@pytest.mark.parametrize(
    ("expected", "text", "is_found"),
    [
        (r"(?i)lisbon|LIS", "It is lisbon.", True),
        (r"^LIS$", "LIS", True),
        (r"^LIS$", "LIS or OPO", False),
        (r"\d{2}:\d{2}", "at 9:30", False),
        (r"^(\w+) and \1$", "gate and gate", True),
    ],
)
def test_a_pattern_is_searched_for(expected, text, is_found):
    assert pattern.is_found(expected, text) is is_found


@pytest.mark.parametrize("expected", ["(", "[a-", "a**", r"\Q"])
def test_what_is_no_pattern_is_refused(expected):
    with pytest.raises(ConfigError, match="this is not a pattern"):
        pattern.require_pattern(Item("a", (("user", "?"),), expected, scorer=Scorer.REGEX))


def test_a_pattern_that_backtracks_for_ever_is_the_users_mistake_and_no_hang(monkeypatch):
    monkeypatch.setattr(pattern, "SECONDS", 0.05)
    with pytest.raises(ConfigError, match=r"takes over 0\.05 s on an answer of 41 characters"):
        pattern.is_found("(a|a)*$", 40 * "a" + "b")
