import math

import numpy as np
import pytest
import scipy

from harness.stats import betting

SEED = 20261121
RUNS = 1500
FLOOR = 0.1  # of wealth, at which the published simulations of the design give up


def draws(churn, loss, items, runs=RUNS):
    """Differences of paired outcomes: churn both ways, and so much lost on top."""
    place = np.random.default_rng(SEED).random((runs, items))
    return (place > 1 - churn / 2).astype(float) - (place < churn / 2 + loss)


def ended(differences, margin=0.03, tail=0.05, bank=0):
    """Whether each run was won, and after how many items, all of them where it was not."""
    won = betting.wealth(differences, margin, bank) >= 1 / tail
    return won.any(-1), np.where(won.any(-1), won.argmax(-1), won.shape[-1] - 1) + 1


def given_up(differences, margin=0.03, tail=0.05, bank=0):
    """The same with a stop for futility, as the published simulations of the design have it."""
    path = betting.wealth(differences, margin, bank)
    over = (path >= 1 / tail) | (path <= FLOOR)
    items = np.where(over.any(-1), over.argmax(-1), path.shape[-1] - 1)
    last = np.take_along_axis(path, items[..., None], -1)[..., 0]
    return last >= 1 / tail, items + 1


@pytest.mark.parametrize("churn", [0.02, 0.04, 0.08])
def test_a_loss_at_the_margin_is_accepted_in_one_of_twenty_however_often_one_looks(churn):
    won, _ = ended(draws(churn, 0.03, 2000))
    assert 0.02 < won.mean() < 0.05 + 2 * math.sqrt(0.05 * 0.95 / RUNS)


@pytest.mark.parametrize(
    ("churn", "loss", "power", "items"),
    [
        (0.02, 0.0, 0.99, 227),
        (0.04, 0.0, 0.95, 306),
        (0.08, 0.0, 0.87, 465),
        (0.02, 0.06, 0.0, 118),
        (0.04, 0.06, 0.0, 133),
        (0.08, 0.06, 0.0, 163),
    ],
)
def test_power_and_items_are_those_that_were_simulated_for_the_design(churn, loss, power, items):
    won, used = given_up(draws(churn, loss, 3000))
    assert won.mean() == pytest.approx(power, abs=0.02)
    assert used.mean() == pytest.approx(items, rel=0.06)
    if not loss:
        assert ended(draws(churn, loss, 3000))[0].mean() > 0.97


def bank(churn, lost, size):
    """A bank in random order, of which exactly so many are lost net."""
    gains = round(size * churn / 2)
    values = np.zeros(size)
    values[:gains] = 1
    values[gains : 2 * gains + round(size * lost)] = -1
    return np.random.default_rng(SEED).permuted(np.tile(values, (RUNS, 1)), axis=1)


@pytest.mark.parametrize(("size", "churn"), [(300, 0.04), (500, 0.02), (1000, 0.08)])
def test_a_bank_one_item_beyond_the_margin_is_accepted_in_one_of_twenty(size, churn):
    won, _ = ended(bank(churn, 0.03 + 1 / size, size), bank=size)
    assert won.mean() < 0.05 + 2 * math.sqrt(0.05 * 0.95 / RUNS)


@pytest.mark.parametrize(
    ("size", "churn", "lost", "power", "items"),
    [(500, 0.04, 0.0, 0.99, 195), (1000, 0.08, 0.0, 0.93, 313), (500, 0.04, 0.06, 0.0, 129)],
)
def test_a_bank_is_decided_with_fewer_items(size, churn, lost, power, items):
    won, used = given_up(bank(churn, lost, size), bank=size)
    assert won.mean() == pytest.approx(power, abs=0.02)
    assert used.mean() == pytest.approx(items, rel=0.06)


def test_scores_between_right_and_wrong_keep_the_promise_too():
    random = np.random.default_rng(SEED)
    lost = -random.beta(0.3, 0.7, (RUNS, 800)) * (random.random((RUNS, 800)) < 0.1)  # 3 points
    won, _ = ended(lost)
    assert won.mean() < 0.05 + 2 * math.sqrt(0.05 * 0.95 / RUNS)


@pytest.mark.parametrize(("churn", "edge"), [(0.001, 0.03), (0.06, 0.03), (0.5, 0.2)])
def test_the_stake_is_what_a_search_finds_best(churn, edge):
    def shrinkage(stake):
        up, down, none = 1 + stake * (1 + edge), 1 - stake * (1 - edge), 1 + stake * edge
        return -(churn / 2 * math.log(up * down) + (1 - churn) * math.log(none))

    most = 0.999 / (1 - edge)
    best = scipy.optimize.minimize_scalar(shrinkage, bounds=(0, most), method="bounded").x
    found = betting._kelly_stake(np.array(churn), np.array(edge))
    assert found == pytest.approx(best, abs=2e-4)


def test_without_any_change_it_takes_what_the_margin_must_cost():
    assert betting.shown_after([0.0] * 400, 0.03, 0.05) == 146


def test_what_comes_after_the_end_changes_nothing():
    good, bad = [0.0] * 200, [-1.0] * 200
    assert betting.shown_after(good + bad, 0.03, 0.05) == betting.shown_after(good, 0.03, 0.05)
    assert betting.shown_after(bad + good, 0.03, 0.05) is None


def test_a_bad_start_is_made_good_by_what_follows():
    assert betting.wealth([-1.0] * 10, 0.03)[-1] < FLOOR
    assert betting.shown_after([-1.0] * 10 + [0.0] * 1200, 0.03, 0.05) is not None


def test_no_item_and_few_items_are_open():
    assert betting.shown_after([], 0.03, 0.05) is None
    assert betting.shown_after([0.0] * 30, 0.03, 0.05) is None


@pytest.mark.parametrize(
    ("differences", "items", "end"),
    [
        ([0.0] * 20, 19, math.inf),  # one lost of twenty is 5 %, which may be
        ([0.0] * 18 + [-1.0, 0.0], 20, math.inf),
        ([0.0] * 15 + [-1.0] * 2, None, None),
        ([0.0] * 15 + [-1.0] * 5, None, 0),  # the last one could make good only one
    ],
)
def test_a_bank_is_certain_when_the_items_left_can_change_nothing(differences, items, end):
    assert betting.shown_after(differences, 0.05, 0.05, bank=20) == items
    if end is not None:
        assert betting.wealth(differences, 0.05, bank=20)[-1] == end


def test_harm_is_claimed_in_fewer_than_one_of_twenty_where_there_is_none():
    at_margin = draws(0.04, 0.03, 600, 600)
    assert np.mean([betting.harm_wealth(run, 0.03) >= 20 for run in at_margin]) < 0.05
    much_worse = draws(0.04, 0.12, 400, 200)
    assert np.mean([betting.harm_wealth(run, 0.03) >= 20 for run in much_worse]) > 0.95


@pytest.mark.parametrize(("churn", "margin"), [(0.02, 0.03), (0.04, 0.02), (0.08, 0.05)])
def test_so_many_items_show_equality_eight_times_of_ten(churn, margin):
    items = betting.items_needed(churn, margin)
    won, _ = ended(draws(churn, 0.0, items), margin)
    assert won.mean() == pytest.approx(0.8, abs=0.06)
    assert betting.visible_margin(churn, items) == pytest.approx(margin, rel=0.01)


def test_the_interval_of_a_mean_score_holds_at_the_worst_moment_to_stop():
    random = np.random.default_rng(SEED)
    missed = 0
    for run in (random.random((300, 400)) < 0.9).astype(float):
        found = [betting.score_interval(run[:size], 0.9) for size in range(20, 400, 40)]
        missed += any(not it.lower <= 0.9 <= it.upper for it in found)
    assert missed / 300 < 0.1


def test_the_interval_of_a_mean_score_is_bounded_by_the_scale_and_inverts_the_mixture():
    assert betting.score_interval([1.0] * 50, 0.9).upper == 1.0
    assert betting.score_interval([0.0] * 50, 0.9).lower == 0.0
    found = betting.score_interval([1.0] * 270 + [0.5] * 10 + [0.0] * 20, 0.9)
    assert found.value == pytest.approx(275 / 300)
    for end in (found.lower, found.upper):
        odds = scipy.special.betaln(276, 26) - 275 * math.log(end) - 25 * math.log(1 - end)
        assert odds == pytest.approx(math.log(10), abs=1e-6)
    assert not betting.score_interval([], 0.9).is_bounded
    assert not betting.score_interval([0.5, 2.0], 0.9).is_bounded
