import math

import numpy as np
import pytest

from harness.stats.quantile import quantile_interval, quantile_ratio_interval

SEED = 20261120
TOKENS = 31


def labels(answers, tokens=TOKENS):
    return [f"answer {turn // tokens}" for turn in range(answers * tokens)]


def alike(random, answers):
    return random.lognormal(0.0, 0.1, (answers, TOKENS))


def uneven(random, answers):
    """Some answers are slow throughout."""
    return alike(random, answers) * random.lognormal(0.0, 0.1, (answers, 1))


def runs(random, answers, correlation=0.5):
    level = random.normal(0.0, 0.15, answers)
    for turn in range(1, answers):
        fresh = math.sqrt(1 - correlation**2)
        level[turn] = correlation * level[turn - 1] + fresh * level[turn]
    return np.exp(level)


def in_runs(random, answers):
    """So is the machine, for a while at a time."""
    return alike(random, answers) * runs(random, answers)[:, None]


def spiky(random, answers):
    shape = (answers, TOKENS)
    late = random.random(shape) < 0.02
    return alike(random, answers) * np.where(late, random.uniform(1.5, 6.0, shape), 1.0)


def covered(take, share, answers, times=200):
    random = np.random.default_rng(SEED)
    true = np.quantile(take(random, 20_000), share)
    hits = 0
    for _ in range(times):
        values = take(random, answers).ravel()
        found = quantile_interval(values, labels(answers), share, 0.9, random)
        hits += found.lower <= true <= found.upper
    return hits / times


@pytest.mark.parametrize(("share", "answers"), [(0.5, 60), (0.95, 60), (0.99, 60), (0.99, 200)])
@pytest.mark.parametrize("take", [alike, uneven, spiky])
def test_a_quantile_is_covered_as_often_as_promised(take, share, answers):
    assert covered(take, share, answers) > 0.86


@pytest.mark.parametrize(("share", "least"), [(0.5, 0.86), (0.95, 0.82), (0.99, 0.78)])
def test_answers_that_are_slow_in_runs_cost_little_coverage(share, least):
    """Blocks of a third root alone would cover 0.84, 0.77 and 0.70."""
    assert covered(in_runs, share, 100) > least


def test_the_interval_is_between_values_and_around_the_quantile():
    values = np.random.default_rng(SEED).permutation(np.arange(1.0, 1861.0))
    found = quantile_interval(values, labels(60), 0.95, 0.9, np.random.default_rng(SEED))
    assert found.value == 1767.0
    assert {found.lower, found.upper} <= set(values)
    assert found.lower < found.value < found.upper
    assert found.samples == 1860


def test_answers_that_go_together_widen_the_interval():
    random = np.random.default_rng(SEED)
    values = uneven(random, 60).ravel()
    together = quantile_interval(values, labels(60), 0.5, 0.9, random)
    apart = quantile_interval(values, labels(60 * TOKENS, 1), 0.5, 0.9, random)
    assert together.upper - together.lower > 1.5 * (apart.upper - apart.lower)


def test_answers_may_differ_in_length():
    random = np.random.default_rng(SEED)
    lengths = random.integers(1, 60, 100)
    names = np.repeat([f"{turn}" for turn in range(100)], lengths)
    values = random.lognormal(0.0, 0.1, names.size)
    found = quantile_interval(values, list(names), 0.95, 0.9, random)
    assert found.lower < math.exp(0.1 * 1.645) < found.upper
    ratio = quantile_ratio_interval(values, values, list(names), 0.95, 0.9, random)
    assert (ratio.value, ratio.lower, ratio.upper) == (1.0, 1.0, 1.0)


def test_a_label_that_comes_back_is_another_answer():
    random = np.random.default_rng(SEED)
    values = alike(random, 60).ravel()
    twice = (labels(30) * 2)[: values.size]
    found, again = (
        quantile_interval(values, names, 0.95, 0.9, np.random.default_rng(SEED))
        for names in (labels(60), twice)
    )
    assert found == again


def test_the_same_generator_gives_the_same_interval():
    random = np.random.default_rng(SEED)
    sides = [uneven(random, 60).ravel() for _ in range(2)]
    found, again = (
        quantile_ratio_interval(*sides, labels(60), 0.95, 0.9, np.random.default_rng(SEED))
        for _ in range(2)
    )
    assert found == again


@pytest.mark.parametrize(
    ("share", "answers"), [(0.5, 9), (0.95, 9), (0.99, 12)], ids=["p50", "p95", "p99"]
)
def test_too_few_answers_for_a_quantile_leave_it_open(share, answers):
    random = np.random.default_rng(SEED)
    values = alike(random, answers).ravel()
    single = quantile_interval(values, labels(answers), share, 0.9, random)
    assert single.value == np.quantile(values, share, method="inverted_cdf")
    assert not single.is_bounded
    ratio = quantile_ratio_interval(values, 2 * values, labels(answers), share, 0.9, random)
    assert ratio.value == 0.5
    assert not ratio.is_bounded


def test_the_largest_of_few_values_is_no_quantile_with_an_end():
    random = np.random.default_rng(SEED)
    values = random.lognormal(0.0, 0.1, 60)
    assert not quantile_interval(values, labels(60, 1), 0.99, 0.9, random).is_bounded
    assert not quantile_ratio_interval(
        values, values[::-1], labels(60, 1), 0.99, 0.9, random
    ).is_bounded


def test_a_slow_stretch_that_was_seen_twice_says_little_of_the_99_percent_quantile():
    values = np.ones((60, TOKENS)) + 1e-3 * np.arange(TOKENS)
    values[[10, 40]] *= 2
    random = np.random.default_rng(SEED)
    assert not quantile_interval(values.ravel(), labels(60), 0.99, 0.9, random).is_bounded


def test_without_values_there_is_no_quantile():
    random = np.random.default_rng(SEED)
    assert math.isnan(quantile_interval([], [], 0.95, 0.9, random).value)
    assert not quantile_ratio_interval([], [], [], 0.95, 0.9, random).is_bounded


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_the_ratio_of_quantiles_is_covered_as_often_as_promised(share):
    random = np.random.default_rng(SEED)
    hits = 0
    for _ in range(80):
        mine, theirs = 1.1 * uneven(random, 60), uneven(random, 60)
        found = quantile_ratio_interval(
            mine.ravel(), theirs.ravel(), labels(60), share, 0.9, random
        )
        hits += found.lower <= 1.1 <= found.upper
    assert hits / 80 > 0.84


def test_what_slows_both_sides_cancels_in_the_ratio():
    random = np.random.default_rng(SEED)
    slow = [runs(random, 100, 0.9) for _ in range(2)]
    sides = [(level[:, None] * alike(random, 100)).ravel() for level in (slow[0], *slow)]
    beside, apart = (
        quantile_ratio_interval(sides[0], side, labels(100), 0.5, 0.9, random) for side in sides[1:]
    )
    assert math.log(beside.upper / beside.lower) < 0.09 * math.log(apart.upper / apart.lower)
