import pytest
import scipy

from harness.stats import faults, slices
from harness.stats.sizing import MOST_ITEMS, items_needed, share_seen


def least_new(items):
    return faults.least_new(items, 0.005)


def least_lost(items):
    return slices.least_losses(items, 7 * items, 7, 0.05)


@pytest.mark.parametrize("least", [least_new, least_lost])
@pytest.mark.parametrize("share", [0.1, 0.2])
def test_so_many_items_see_the_loss_and_one_less_does_not(least, share):
    size = items_needed(least, share, 0.95)

    def seen(items):
        return 1 - scipy.stats.binom.cdf(least(items) - 1, items, share)

    assert all(seen(more) >= 0.95 for more in range(size, 2 * size))
    assert seen(size - 1) < 0.95


def test_a_smaller_loss_takes_more_items():
    assert items_needed(least_new, 0.04, 0.95) == 192
    assert items_needed(least_new, 0.02, 0.95) == 590


def test_what_no_number_of_items_shows_asks_for_the_most():
    assert items_needed(least_new, 0.005, 0.95) == MOST_ITEMS


def test_the_least_share_seen_is_seen_as_often_as_that():
    share = share_seen(least_new, 280, 0.9)
    assert 1 - scipy.stats.binom.cdf(least_new(280) - 1, 280, share) == pytest.approx(0.9)
    assert share_seen(least_new, 3, 0.9) == 1.0


def test_a_loss_within_what_is_allowed_flags_no_slice():
    assert slices.least_losses(100, 700, 7, 0.05) == 6
    assert slices.least_losses(100, 700, 7, 0.20) == 21
    assert slices.least_losses(3, 700, 7, 0.05) == 4
