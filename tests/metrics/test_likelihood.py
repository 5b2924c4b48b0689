import math

import numpy as np
import pytest

from harness.metrics.likelihood import log_likelihoods, log_softmax

FIRST = np.log([[0.5, 0.25, 0.25]]).astype(np.float32) + 300
REST = {
    (1, 2): np.log([[0.1, 0.1, 0.8]]).astype(np.float32) - 300,
    (0, 1, 1): np.log([[0.2, 0.6, 0.2], [0.25, 0.5, 0.25]]).astype(np.float32),
}


def test_a_likelihood_is_the_sum_of_log_probabilities_in_nats():
    found = log_likelihoods(FIRST, REST.__getitem__, ((1, 2), (0, 1, 1), (0,)))
    expected = [0.25 * 0.8, 0.5 * 0.6 * 0.5, 0.5]
    assert found == pytest.approx([math.log(it) for it in expected], abs=1e-4)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_no_numbers_make_nothing_likely(bad):
    broken = np.array([[0, bad, 1]], np.float32)
    assert log_likelihoods(broken, REST.__getitem__, ((0,), (1, 2))) == (-math.inf, -math.inf)
    assert log_likelihoods(FIRST, lambda ids: broken, ((0, 0), (2,))) == (
        -math.inf,
        pytest.approx(math.log(0.25), abs=1e-4),
    )


def test_what_is_impossible_is_minus_infinity():
    logits = np.array([[0, -math.inf, 0]], np.float32)
    expected = (-math.inf, pytest.approx(math.log(0.5)))
    assert log_likelihoods(logits, REST.__getitem__, ((1,), (2,))) == expected


def test_rounding_is_that_of_double_precision():
    logits = np.random.default_rng(0).normal(0, 3, (3, 5000)).astype(np.float32)
    exact = logits.astype(np.longdouble)
    exact = exact - np.log(np.exp(exact).sum(axis=1, keepdims=True))
    assert np.abs(log_softmax(logits) - exact).max() < 1e-13


@pytest.mark.parametrize("rows", [1, 3])
def test_rows_that_are_not_there_are_an_error_and_no_likelihood(rows):
    given = np.zeros((rows, 3), np.float32)
    with pytest.raises(ValueError, match=f"the logits of {rows} tokens, of 2"):
        log_likelihoods(FIRST, lambda ids: given, ((0, 1, 1),))


@pytest.mark.parametrize("token", [3, -1])
def test_a_token_outside_the_vocabulary_is_an_error(token):
    with pytest.raises(ValueError, match=f"there is no token {token} among 3"):
        log_likelihoods(FIRST, REST.__getitem__, ((0,), (1, token)))
