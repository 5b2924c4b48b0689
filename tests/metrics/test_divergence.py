import tracemalloc

import numpy as np
import pytest

from harness.metrics import divergence, likelihood

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


def logits(positions, vocabulary=50, seed=SEED):
    drawn = np.random.default_rng(seed).normal(0, 3, (positions, vocabulary))
    return drawn.astype(np.float32)


@pytest.mark.parametrize("at_once", [1, 120, 10**6])
def test_a_comparison_is_the_same_however_many_positions_are_taken_at_once(monkeypatch, at_once):
    monkeypatch.setattr(likelihood, "_AT_ONCE", at_once)
    theirs, mine, tokens = logits(7), logits(7, seed=1), [3, 1, 4, 1, 5, 9, 2]
    found = divergence.compare(theirs, mine, tokens)
    assert found.kld == pytest.approx(divergence.token_divergence(theirs, mine))
    assert found.top1.tolist() == divergence.top1_agreement(theirs, mine).tolist()
    rows = np.arange(7)
    for log_p, of in ((found.log_p, mine), (found.reference_log_p, theirs)):
        shares = np.exp(of.astype(float)) / np.exp(of.astype(float)).sum(axis=1, keepdims=True)
        assert log_p == pytest.approx(np.log(shares[rows, tokens]))


def test_what_is_expected_after_a_text_diverges_but_is_no_token(monkeypatch):
    monkeypatch.setattr(likelihood, "_AT_ONCE", 100)
    found = divergence.compare(logits(5), logits(5, seed=1), [3, 1, 4, 1])
    assert (len(found.kld), len(found.top1), len(found.log_p)) == (5, 5, 4)


@pytest.mark.parametrize("side", ["reference", "candidate"])
def test_positions_that_are_not_finite_on_either_side_are_left_out_and_counted(side):
    sides = {"reference": logits(5), "candidate": logits(5, seed=1)}
    whole = divergence.compare(*sides.values(), [3, 1, 4, 1])
    sides[side][2, 7] = np.nan
    found = divergence.compare(*sides.values(), [3, 1, 4, 1])
    assert found.kld == pytest.approx(np.delete(whole.kld, 2))
    assert found.log_p == pytest.approx(np.delete(whole.log_p, 2))
    assert found.non_finite == (side == "candidate")


def test_nothing_finite_leaves_nothing_to_compare():
    found = divergence.compare(logits(2), logits(2) * np.nan, [3, 1])
    assert (len(found.kld), len(found.log_p), found.non_finite) == (0, 0, 2)


def test_a_large_vocabulary_takes_little_memory_beside_its_logits():
    theirs, mine = logits(24, 150_000), logits(24, 150_000, seed=1)
    tracemalloc.start()
    divergence.compare(theirs, mine, range(24))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * theirs.nbytes  # in double precision, whole, it would be ten times as much


def test_a_greedy_choice_falls_short_by_nothing():
    row = np.array([[0.0, 2.0, 1.5], [0.0, 2.0, 1.5]], np.float32)
    assert divergence.shortfall(row, [[1], [2]]).tolist() == [0.0, 0.5]
    assert divergence.shortfall(row, [[0, 1], [0, 2]]).tolist() == [0.0, 0.5]


@pytest.mark.parametrize(
    ("tokens", "references", "first"),
    [
        ((), (), None),
        ((1, 2), (1, 2), None),
        ((1, 2, 3), (1, 5, 3), 2),
        ((1, 2), (1, 2, 3), 3),
        ((1, 2, 3), (1, 2), 3),
        ((), (4,), 1),
    ],
)
def test_the_first_difference_is_counted_from_one_and_an_end_is_one(tokens, references, first):
    assert divergence.first_difference(tokens, references) == first


def test_what_both_lost_is_paired_by_position_and_left_out_where_one_has_no_numbers():
    reference, tokens = logits(6), [1, 2, 3, 4, 5]
    mine, its = logits(6, seed=1), logits(6, seed=2)
    broken = its.copy()
    broken[2, 0] = np.nan
    whole = divergence.compare(reference, mine, tokens), divergence.compare(reference, its, tokens)
    bad = divergence.compare(reference, broken, tokens)
    found = divergence.excess({"a": whole[0], "b": whole[0]}, {"a": whole[1], "b": bad})
    assert found.labels == ("a",) * 6
    assert found.token_labels == ("a",) * 5
    assert found.root_kld == tuple(np.sqrt(whole[0].kld))
    assert found.control_root_kld == tuple(np.sqrt(whole[1].kld))
    assert found.top1_points == tuple(100 * (whole[1].top1 - whole[0].top1))
    assert divergence.excess({"b": whole[0]}, {"b": bad}) == divergence.Excess()
