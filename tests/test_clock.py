import math
import time

import pytest

from harness.clock import Clock

ONE, OTHER = ("a.one", "int4"), ("a.other", "int4")


@pytest.fixture
def now(monkeypatch):
    """A clock that is set by hand."""
    at = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: at[0])
    return at


def test_without_a_budget_there_is_always_time(now):
    clock = Clock({ONE: 1e9})
    assert clock.slack == math.inf
    assert not clock.is_short_for(ONE)


def test_what_is_left_beyond_what_is_to_come_may_be_spent(now):
    clock = Clock({ONE: 30.0, OTHER: 20.0}, total=100.0, began=now[0])
    assert 40 < clock.slack < 50  # some of a budget is for the reports
    now[0] += 60
    assert clock.slack < 0


def test_no_session_goes_on_for_longer_than_its_budget(now):
    clock = Clock({ONE: 300.0, OTHER: 200.0}, total=100.0, began=now[0])
    assert 90 < clock.until_end() < 100
    now[0] += 200
    assert clock.until_end() == 0
    assert Clock({ONE: 300.0}, began=now[0]).until_end() == pytest.approx(300)


def test_a_running_check_is_to_come_with_its_rest_alone(now):
    clock = Clock({ONE: 30.0, OTHER: 20.0}, total=100.0, began=now[0])
    clock.start(ONE)
    now[0] += 10
    assert clock.to_come() == pytest.approx(40)
    now[0] += 50
    assert clock.to_come() == pytest.approx(20)


def test_what_took_longer_than_foreseen_makes_all_others_longer(now):
    clock = Clock({ONE: 20.0, OTHER: 20.0}, began=now[0])
    clock.start(ONE)
    now[0] += 40
    clock.finish()
    assert clock.pace == pytest.approx(2)
    assert clock.to_come() == pytest.approx(40)


def test_a_check_that_has_too_little_time_is_not_begun(now):
    clock = Clock({ONE: 60.0, OTHER: 20.0}, total=60.0, began=now[0])
    assert not clock.is_short_for(ONE)
    now[0] += 25
    assert clock.is_short_for(ONE)
    assert not clock.is_short_for(OTHER)
    assert clock.is_short_for(("a.one", "int8"))  # all variants are measured alike


def test_what_is_cheap_is_made_whatever_is_left(now):
    clock = Clock({ONE: 0.1, OTHER: 20.0}, total=1.0, began=now[0] - 60)
    assert not clock.is_short_for(ONE)
    assert clock.is_short_for(OTHER)


def test_what_was_not_measured_says_nothing_of_the_pace_and_is_not_to_come(now):
    clock = Clock({ONE: 60.0, OTHER: 20.0}, began=now[0])
    clock.start(ONE)
    clock.finish(is_measured=False)
    assert clock.pace == 1
    assert clock.to_come() == 20
    assert not clock.is_short_for(("a.one", "int8"))  # it failed for a reason of its own


def test_what_one_variant_failed_is_asked_of_the_others_within_a_budget_too(now):
    clock = Clock({ONE: 60.0, OTHER: 20.0}, total=1000.0, began=now[0])
    clock.start(ONE)
    clock.finish(is_measured=False)
    assert not clock.is_short_for(("a.one", "int8"))


def test_a_forecast_of_nothing_known_shortens_no_session_without_a_budget(now):
    assert Clock({ONE: math.nan}).slack == math.inf


def test_what_there_will_be_no_time_for_is_left_out_of_all_variants_unless_it_is_cheap(now):
    cheap = ("b.one", "int4")
    clock = Clock({ONE: 30.0, OTHER: 20.0, cheap: 0.5}, total=1000.0, began=now[0])
    clock.leave_out([ONE, cheap])
    assert clock.is_short_for(ONE)
    assert clock.is_short_for((ONE[0], "int8"))
    assert not clock.is_short_for(OTHER)
    assert not clock.is_short_for(cheap)
    assert clock.to_come() == pytest.approx(20.5)
