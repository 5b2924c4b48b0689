import math

import numpy as np
import pytest

from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers.choice import choice, likeliest, log_likelihood, require_choices
from harness.reply import Reply


def item(*choices, expected="LIS"):
    return Item("a", (("user", "?"),), expected, scorer=Scorer.CHOICE, choices=choices)


def test_a_likelihood_is_the_sum_of_log_probabilities_in_nats():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
    logits = np.log(probabilities).astype(np.float32) + 300
    assert log_likelihood(logits, (1, 2)) == pytest.approx(math.log(0.25 * 0.8), abs=1e-4)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_no_numbers_make_nothing_likely(bad):
    assert log_likelihood(np.array([[0, bad, 1]], np.float32), (0,)) == -math.inf


def test_a_long_choice_is_not_unlikely_because_it_is_long():
    offered = item("LIS", "the airport of Porto", expected="the airport of Porto")
    assert choice(offered, Reply(likelihoods=(-3.0, -10.0))).score == 1.0


def test_a_letter_beyond_ascii_counts_with_all_its_bytes():
    assert likeliest(item("LIS", "京都"), Reply(likelihoods=(-3.0, -5.5))) == "京都"


@pytest.mark.parametrize("likelihoods", [(-1.0, -1.0), (-math.inf, -math.inf)])
def test_a_draw_is_wrong(likelihoods):
    assert choice(item("LIS", "OPO"), Reply(likelihoods=likelihoods)).score == 0.0


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (("LIS",), "two texts or more"),
        (("LIS", "OPO", "OPO"), "all different"),
        (("LIS", " "), "must not be empty"),
        (("OPO", "FAO"), "expected must be one of choices: found 'LIS'"),
    ],
)
def test_what_leaves_no_choice_is_refused(choices, message):
    with pytest.raises(ConfigError, match=message):
        require_choices(item(*choices))
