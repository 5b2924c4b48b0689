import math

import numpy as np
import pytest
import scipy

from harness.stats.guessing import beyond_chance_interval, items_needed

SEED = 20261129
CONFIDENCE = 0.90
MIXED = np.array([0.0, 0.25, 0.25, 0.5])


def exam(mean, items, random, chances=MIXED):
    """Scores of 0 and 1 of items whose chances are drawn, so much better than guessing each."""
    drawn = random.choice(chances, items)
    return (random.random(items) < np.clip(drawn + mean, 0, 1)).astype(float), drawn


def interval(scores, chances):
    return beyond_chance_interval(scores, chances, CONFIDENCE)


@pytest.mark.parametrize("chances", [[0.25], [0.2, 0.25, 0.5]])
def test_who_guesses_is_found_better_in_one_of_twenty_however_often_one_looks(chances):
    random, runs, found = np.random.default_rng(SEED), 300, 0
    for _ in range(runs):
        scores, drawn = exam(0.0, 400, random, chances)
        looks = [interval(scores[:size], drawn[:size]) for size in range(20, 401, 76)]
        found += any(it.lower > 0 for it in looks)
    assert found / runs < 0.05


@pytest.mark.parametrize(("mean", "chances"), [(0.2, MIXED), (-0.15, [0.25, 0.5]), (0.7, [0.25])])
def test_the_true_mean_is_within_at_every_look(mean, chances):
    random, runs, missed = np.random.default_rng(SEED + 1), 200, 0
    for _ in range(runs):
        scores, drawn = exam(mean, 300, random, chances)
        looks = [interval(scores[:size], drawn[:size]) for size in (20, 60, 140, 300)]
        missed += any(not it.lower <= mean <= it.upper for it in looks)
    assert missed / runs < 1 - CONFIDENCE


def test_chances_that_go_with_the_scores_are_no_skill():
    # Right where guessing is easy, wrong where it is hard: as often right as who guesses.
    random, runs, found = np.random.default_rng(SEED + 2), 200, 0
    for _ in range(runs):
        chances = random.choice([0.1, 0.5], 400)
        scores = (random.random(400) < np.where(chances == 0.5, 0.6, 0.0)).astype(float)
        found += interval(scores, chances).lower > 0
    assert found / runs < 0.05


def test_a_model_that_knows_something_is_told_from_one_that_guesses():
    random, runs = np.random.default_rng(SEED + 3), 100
    shown = [interval(*exam(0.15, 300, random)).lower > 0 for _ in range(runs)]
    assert np.mean(shown) > 0.95


def test_of_one_chance_it_is_the_interval_of_a_proportion_shifted():
    scores = np.repeat([1.0, 0.0], [132, 168])
    found = interval(scores, np.full(300, 0.25))
    assert found.value == pytest.approx(132 / 300 - 0.25)
    for mean, side in ((found.lower + 0.25, 1), (found.upper + 0.25, -1)):
        # Robbins' mixture of all proportions on one side of the mean, by its closed form.
        tail = scipy.special.betainc(133, 169, mean)
        mass = 1 - tail if side > 0 else tail
        log_mixture = scipy.special.betaln(133, 169) + math.log(mass / abs((side > 0) - mean))
        likelihood = 132 * math.log(mean) + 168 * math.log1p(-mean)
        assert log_mixture - likelihood == pytest.approx(math.log(20), abs=1e-3)


def test_an_interval_of_several_chances_is_as_wide_as_their_spread_makes_it():
    one, two = (
        interval(*exam(0.2, 2000, np.random.default_rng(SEED), chances))
        for chances in ([0.25], [0.0, 0.5])
    )
    assert (two.upper - two.lower) / (one.upper - one.lower) < 1.15  # 1.5 were it of the range


def test_the_order_does_not_matter():
    scores, chances = exam(0.2, 200, np.random.default_rng(SEED))
    turned = interval(scores[::-1], chances[::-1])
    assert interval(scores, chances) == turned


def test_the_ends_are_within_what_can_be():
    nothing, everything = interval([0.0] * 50, [0.25] * 50), interval([1.0] * 50, [0.25] * 50)
    assert (nothing.lower, everything.upper) == pytest.approx((-0.25, 0.75))
    assert nothing.upper < 0 < everything.lower
    without = interval([0.0] * 50, [0.0] * 50)
    assert (without.value, without.lower) == (0.0, 0.0)
    assert 0 < without.upper < 0.2
    assert interval([0.0] * 49 + [1.0], [0.0] * 50).lower > 0


@pytest.mark.parametrize(
    ("scores", "chances"), [([], []), ([0.5, 2.0], [0.0, 0.0]), ([0.5], [1.0]), ([0.5], [-0.1])]
)
def test_what_is_no_score_or_no_chance_has_no_interval(scores, chances):
    assert not interval(scores, chances).is_bounded


def test_scores_between_right_and_wrong_make_it_narrower():
    graded = interval([0.4, 0.6] * 100, [0.25] * 200)
    outright = interval([0.0, 1.0] * 100, [0.25] * 200)
    assert graded.upper - graded.lower < 0.5 * (outright.upper - outright.lower)


@pytest.mark.parametrize(("right", "items", "chance"), [(85, 300, 0.25), (170, 300, 0.5)])
def test_so_many_items_show_what_is_like_it_and_few_less_do_not(right, items, chance):
    found = interval(np.repeat([1.0, 0.0], [right, items - right]), np.full(items, chance))
    needed = items_needed(found, 0.0)
    for size, is_shown in ((1.1 * needed, True), (0.9 * needed, False)):
        hits = round(size * right / items)
        like = interval(
            np.repeat([1.0, 0.0], [hits, round(size) - hits]), np.full(round(size), chance)
        )
        assert (like.lower > 0) is is_shown


def test_no_number_of_items_shows_what_is_not_so():
    found = interval([0.0, 1.0] * 50, [0.5] * 100)
    assert items_needed(found, 0.0) is None
    assert items_needed(found, -0.5) == 101


@pytest.mark.parametrize(("scores", "chances"), [([1.0, math.nan], [0.2] * 2), ([1.0], [math.nan])])
def test_what_is_no_number_decides_nothing(scores, chances):
    assert not beyond_chance_interval(scores, chances, 0.9).is_bounded
