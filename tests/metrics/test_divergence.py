import numpy as np
import pytest

from harness.metrics import divergence

SEED = 20261120


def test_divergence_agrees_with_the_definition_over_probabilities():
    p, q = np.array([0.7, 0.2, 0.1]), np.array([0.5, 0.25, 0.25])
    reference, candidate = (np.log(it)[None].astype(np.float32) + 3.0 for it in (p, q))
    expected = float((p * np.log(p / q)).sum())
    found = divergence.token_divergence(reference, candidate.astype(np.float32))
    assert found == pytest.approx([expected], rel=1e-5)


def test_equal_logits_diverge_by_nothing_and_agree():
    logits = np.random.default_rng(SEED).normal(size=(5, 100)).astype(np.float32)
    assert divergence.token_divergence(logits, logits) == pytest.approx(np.zeros(5), abs=1e-12)
    assert divergence.top1_agreement(logits, logits).tolist() == [1.0] * 5


def test_agreement_is_counted_by_position():
    reference = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    assert divergence.top1_agreement(reference, reference[::-1]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_positions_that_are_not_finite_are_counted(bad):
    logits = np.zeros((4, 10), np.float32)
    logits[2, 3] = bad
    assert divergence.non_finite_positions(logits) == 1
