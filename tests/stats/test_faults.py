import numpy as np
import pytest

from harness.stats.faults import is_doubtful, is_harm, least_new


def test_faults_that_are_more_than_is_allowed_are_harm():
    assert is_harm(200, 8, 0, 0.005)
    assert not is_harm(200, 8, 0, 0.05)


def test_faults_that_are_exchanged_for_as_many_others_are_none():
    assert not is_harm(200, 8, 7, 0.005)


def test_none_is_no_harm_however_little_is_allowed():
    assert not is_harm(200, 0, 0, 0.0)
    assert not is_harm(200, 1, 0, 0.0)


def test_the_fewest_that_are_harm():
    assert least_new(200, 0.005) == 4
    assert least_new(3, 0.005) == 4


@pytest.mark.parametrize("churn", [0.0, 0.002, 0.005, 0.01])
def test_false_alarms_of_a_variant_that_is_not_worse_are_rare(churn):
    random = np.random.default_rng(1)
    exchanged = random.binomial(600, churn / 2, (2000, 2))
    assert np.mean([is_harm(600, new, gone, 0.005) for new, gone in exchanged]) < 0.02


def test_two_of_few_that_came_with_none_gone_are_doubtful():
    assert is_doubtful(20, 2, 0, 0.005)
    assert not is_doubtful(20, 1, 0, 0.005)
    assert not is_doubtful(20, 2, 1, 0.005)
    assert not is_doubtful(190, 2, 0, 0.005)
    assert not is_doubtful(20, 0, 0, 0.0)


@pytest.mark.parametrize("items", [20, 60, 130])
def test_a_clean_variant_is_seldom_in_doubt(items):
    random = np.random.default_rng(1)
    exchanged = random.binomial(items, 0.005, (2000, 2))
    assert np.mean([is_doubtful(items, new, gone, 0.005) for new, gone in exchanged]) < 0.04
