import numpy as np
import pytest

from harness.stats.intervals import Estimate, exact, unbounded
from harness.stats.paired import ratio_interval
from harness.stats.pareto import Axis, dominates, front

TIME = Axis("time", 0.05)
LOSS = Axis("loss", 1.0, is_ratio=False)


def about(value, reach):
    return Estimate(value, value - reach, value + reach, 10)


@pytest.mark.parametrize(
    ("one", "other", "is_shown"),
    [
        (about(1.0, 0.02), about(2.0, 0.1), True),
        (about(1.0, 0.02), about(1.0, 0.02), True),  # within what does not matter
        (about(1.0, 0.05), about(1.0, 0.05), False),  # one may be 10 % above the other
        (about(1.2, 0.0), about(1.0, 0.0), False),
        (unbounded(1.0, 3), about(2.0, 0.1), False),
        (about(1.0, 0.0), unbounded(2.0, 3), False),
    ],
)
def test_as_good_is_what_the_intervals_show(one, other, is_shown):
    assert TIME.is_as_good(one, other) is is_shown


def test_worse_needs_intervals_that_do_not_meet_and_a_difference_that_matters():
    assert TIME.is_worse(about(1.2, 0.05), about(1.0, 0.05))
    assert not TIME.is_worse(about(1.2, 0.15), about(1.0, 0.15))
    assert not TIME.is_worse(about(1.04, 0.001), about(1.0, 0.001))
    assert LOSS.is_worse(exact(3.0, 1), exact(1.5, 1))
    assert not LOSS.is_worse(exact(2.0, 1), exact(1.5, 1))


def test_an_excess_is_a_factor_or_a_difference():
    assert TIME.excess(exact(21.0, 1), exact(0.6, 1)) == pytest.approx(35)
    assert LOSS.excess(exact(3.0, 1), exact(0.0, 1)) == 3.0


def test_who_is_better_in_one_thing_must_be_as_good_in_all_others():
    axes = (TIME, LOSS)
    fast, slow = (exact(1.0, 1), exact(0.0, 1)), (exact(2.0, 1), exact(0.5, 1))
    assert dominates(axes, fast, slow)
    assert not dominates(axes, slow, fast)
    assert not dominates(axes, fast, fast)
    assert not dominates(axes, (exact(1.0, 1), exact(2.0, 1)), slow)
    assert not dominates(axes, (exact(1.0, 1), unbounded(0.0, 0)), slow)


def test_equals_are_seldom_called_needless():
    """Of 400 pairs of equal variants on two axes of times with 10 % noise."""
    random = np.random.default_rng(1)

    def measured():
        times = random.lognormal(0, 0.1, (2, 2, 40))
        return [ratio_interval(mine, beside, 0.90) for mine, beside in times]

    named = sum(dominates((TIME, TIME), measured(), measured()) for _ in range(400))
    assert named <= 4


def test_the_front_holds_what_nothing_is_smaller_and_faster_than():
    points = [(9.4, 1.0), (2.0, 0.6), (5.1, 0.6), (3.8, 0.55), (5.2, 21.0), (2.0, 0.6)]
    assert front(points) == [1, 3]
    assert front([]) == []
