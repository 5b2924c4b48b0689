import math

import numpy as np
import pytest

from harness.stats.perplexity import perplexity_interval, perplexity_ratio_interval

SEED = 20261121
PASSAGES, TOKENS = 40, 12


def passages(random, shift=0.0):
    """Log-likelihoods of a candidate and its reference; passages differ in how hard they are, and
    in how much the candidate lost on them.
    """
    labels = [f"item-{n}" for n in range(PASSAGES) for _ in range(TOKENS)]
    hard = np.repeat(random.gamma(2.0, 0.5, PASSAGES), TOKENS)
    theirs = -random.gamma(2.0, hard)
    lost = np.repeat(random.normal(shift, 0.05, PASSAGES), TOKENS)
    return theirs - lost - random.normal(0, 0.1, theirs.size), theirs, labels


def test_a_vocabulary_that_is_guessed_at_has_its_size_as_perplexity():
    found = perplexity_interval([-math.log(50)] * 6, list("aabbcc"), 0.9)
    assert found.value == pytest.approx(50)
    assert (found.lower, found.upper) == pytest.approx((50, 50))


def test_a_ratio_is_paired_token_by_token():
    mine, theirs = [-1.0, -5.0, -0.5, -2.0], [-1.1, -4.9, -0.6, -1.9]
    found = perplexity_ratio_interval(mine, theirs, list("abcd"), 0.9)
    assert found.value == pytest.approx(1.0)
    assert found.upper / found.lower < 1.4  # unpaired it would be over 30


def test_a_worse_candidate_has_a_ratio_over_one():
    worse = perplexity_ratio_interval([-2.0, -2.0], [-1.0, -1.0], list("ab"), 0.9)
    assert worse.value == pytest.approx(math.e)


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_the_interval_covers_the_true_ratio(shift):
    random = np.random.default_rng(SEED)
    covered = 0
    for _ in range(400):
        found = perplexity_ratio_interval(*passages(random, shift), 0.9)
        covered += found.lower <= math.exp(shift) <= found.upper
    assert 0.86 <= covered / 400 <= 0.94


def test_tokens_of_one_passage_are_not_taken_for_independent():
    mine, theirs, labels = passages(np.random.default_rng(SEED))
    together = perplexity_ratio_interval(mine, theirs, labels, 0.9)
    apart = perplexity_ratio_interval(mine, theirs, [str(n) for n in range(len(labels))], 0.9)
    assert together.upper - together.lower > 1.5 * (apart.upper - apart.lower)


@pytest.mark.parametrize("values", [[], [-1.0], [-1.0, -2.0]])
def test_one_passage_is_not_enough(values):
    labels = ["a"] * len(values)
    assert not perplexity_interval(values, labels, 0.9).is_bounded
    assert not perplexity_ratio_interval(values, values, labels, 0.9).is_bounded


def test_what_no_number_holds_is_unbounded():
    assert not perplexity_interval([-1e6, -2e6], ["a", "b"], 0.9).is_bounded
