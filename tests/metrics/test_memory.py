import pytest

from harness.metrics.memory import (
    differences,
    hour_labels,
    request_labels,
    shares,
    thousands,
    total,
)


def test_labels_count_on_from_cycle_to_cycle():
    assert request_labels("plain answers", 20, 3) == [
        "plain answers 20",
        "plain answers 40",
        "plain answers 60",
    ]
    assert hour_labels("plain answers", 18, 2, per_second=0.5) == [
        "plain answers 0.010000000",
        "plain answers 0.020000000",
    ]


def test_hours_at_the_highest_rate_still_differ():
    first, second = hour_labels("tokenizing alone", 1, 2, per_second=20_000)
    assert first != second


def test_lengths_are_in_thousands():
    assert thousands([4096, 16]) == ["4.096", "0.016"]


def test_a_part_that_is_not_counted_leaves_no_total():
    assert total(1, 2) == 3
    assert total(1, None) is None


def test_differences_keep_what_is_not_counted():
    assert differences([5, None, 7], [3, 1, None]) == [2, None, None]


def test_a_share_of_nothing_says_nothing():
    assert shares([3, 1, 0], [4, 0, -2]) == [pytest.approx(0.75)]
    assert shares([3, 1], [4, None]) == [0.75, None]
