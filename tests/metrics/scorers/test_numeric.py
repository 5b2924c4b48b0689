from decimal import Decimal

import pytest

from harness.answer import Answer
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers.numeric import numeric, quantities, require_number
from harness.reply import Reply


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("12,500 km", "12500"),
        ("1 000 000 people", "1000000"),
        ("1\u202f234,5 km", "1234.5"),
        ("1'234.5", "1234.5"),
        ("$1,234.50", "1234.50"),
        ("1.234,5", "1234.5"),
        ("1.234.567", "1234567"),
        ("1.234", "1.234"),
        ("5,5", "5.5"),
        ("0,125", "0.125"),
        ("-5 °C, or −7", "-5 -7"),
        ("-$5", "-5"),
        ("10-20", "10 20"),
        ("x = -3", "-3"),
        ("3.5e3", "3500"),
        ("6e5x", "6"),
        (".5", "0.5"),
        ("about 5.", "5"),
        ("9:30", "9 30"),
        ("1, 2, 3", "1 2 3"),
        ("in 2024 100", "2024 100"),
        ("gate B12, platform 7", "7"),
        ("on 12.5.2024", ""),
        ("version 1.2.3", ""),
        ("none", ""),
        ("１２", "12"),
    ],
)
def test_numbers_are_found_as_people_write_them(text, values):
    assert [it.value for it in quantities(text)] == [Decimal(it) for it in values.split()]


def item(expected, **tolerances):
    return Item("a", (("user", "?"),), expected, scorer=Scorer.NUMERIC, **tolerances)


@pytest.mark.parametrize(
    ("expected", "text", "score"),
    [
        ("16.1", "10 miles are 16.1 kilometres.", 1.0),
        ("16.1", "16.1 kilometres (10 miles)", 0.0),
        ("16.1 kilometres", "16.1 Kilometres (10 miles)", 1.0),
        ("16.1 kilometres", "16.1 miles", 0.0),
        ("5 m", "5 miles", 0.0),
        ("5 m", "5m", 1.0),
        ("50 %", "50%", 1.0),
        ("$5", "$ 5.00", 1.0),
        ("$5", "€5", 0.0),
        ("-3", "3", 0.0),
        ("7", "07", 1.0),
    ],
)
def test_the_last_number_with_the_unit_decides(expected, text, score):
    require_number(item(expected))
    assert numeric(item(expected), Reply(Answer(text=text))).score == score


@pytest.mark.parametrize(
    ("tolerances", "right", "wrong"),
    [
        ({}, "0.3", "0.30001"),
        ({"tolerance": 0.1}, "0.4", "0.41"),
        ({"relative_tolerance": 0.1}, "0.27", "0.26"),
        ({"tolerance": 0.01, "relative_tolerance": 0.1}, "0.33", "0.34"),
    ],
)
def test_a_tolerance_is_kept_to_the_digit(tolerances, right, wrong):
    scores = [
        numeric(item("0.3", **tolerances), Reply(Answer(text=text))).score
        for text in (right, wrong)
    ]
    assert scores == [1.0, 0.0]


@pytest.mark.parametrize(("text", "is_valid"), [("7", True), ("8 or so", True), ("many", False)])
def test_an_answer_without_a_number_is_not_valid(text, is_valid):
    assert numeric(item("7"), Reply(Answer(text=text))).is_valid is is_valid


@pytest.mark.parametrize("text", [5000 * "9", "1e999", "-" * 9999, 9999 * "1,", "9." * 9999])
def test_numbers_of_a_broken_model_are_wrong_and_no_more(text):
    assert numeric(item("7"), Reply(Answer(text=text))).score == 0.0


@pytest.mark.parametrize("expected", ["", "LIS", "9:30", "about 5", "5 to 6"])
def test_what_is_expected_is_one_number(expected):
    with pytest.raises(ConfigError, match="expected must be one number"):
        require_number(item(expected))
