import itertools
import math
import tracemalloc

import numpy as np
import pytest

from harness.metrics.likelihood import log_softmax
from harness.metrics.sampling import (
    certainty,
    heat,
    log_chance,
    log_ratios,
    needed,
    penalized,
    tail,
)

LOGITS = np.array([[2.0, 0.0, -1.0], [0.5, 0.5, 0.0]], np.float32)


def drawn(generator, logits, temperature, likeliest=None):
    chances = np.exp(log_softmax(logits / temperature))
    if likeliest is not None:
        least = np.sort(chances, axis=1)[:, [-likeliest]]
        chances = np.where(chances >= least, chances, 0)
        chances /= chances.sum(axis=1, keepdims=True)
    return tuple(int(generator.choice(len(row), p=row)) for row in chances)


def test_the_chance_of_a_text_is_the_product_of_its_tokens_chances():
    first, second = np.exp(LOGITS[0] / 2), np.exp(LOGITS[1] / 2)
    expected = math.log(first[1] / first.sum() * second[0] / second.sum())
    assert log_chance(LOGITS, (1, 0), 2.0) == pytest.approx(expected)
    every = itertools.product(range(3), repeat=2)
    assert sum(math.exp(log_chance(LOGITS, it, 1.5)) for it in every) == pytest.approx(1)


def heat_of(logits, texts, temperature):
    return heat([log_ratios(logits, it, temperature) for it in texts])


def test_nothing_is_improbable_where_logits_are_no_numbers():
    assert log_chance(np.full((1, 3), np.nan, np.float32), (0,), 1.0) == 0.0


def test_no_text_or_none_with_numbers_is_no_evidence_of_heat_or_its_absence():
    unknown = log_ratios(np.full((1, 3), np.nan, np.float32), (0,), 1.0)
    assert heat([]) is heat([unknown]) is None
    assert heat([unknown, log_ratios(LOGITS, (1, 0), 1.0)]) == heat_of(LOGITS, [(1, 0)], 1.0)


def test_certainty_falls_with_temperature():
    assert certainty(LOGITS)[0] == pytest.approx(math.exp(2) / np.exp(LOGITS[0]).sum())
    assert (certainty(LOGITS, 4.0) < certainty(LOGITS)).all()


def test_a_part_at_a_time_gives_the_same(monkeypatch):
    logits = np.random.default_rng(3).normal(0, 3, (7, 10)).astype(np.float32)
    tokens = (1, 2, 3, 4, 5, 6, 7)
    whole = certainty(logits), log_chance(logits, tokens, 0.7)
    monkeypatch.setattr("harness.metrics.likelihood._AT_ONCE", 25)
    assert (certainty(logits) == whole[0]).all()
    assert log_chance(logits, tokens, 0.7) == pytest.approx(whole[1])


def test_a_large_vocabulary_is_no_more_than_itself_in_double_precision():
    logits = np.zeros((64, 2**17), np.float32)
    tracemalloc.start()
    certainty(logits)
    log_chance(logits, (0,) * 64, 0.7)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < logits.nbytes


def test_the_tail_is_that_of_the_binomial_where_chances_are_equal():
    from scipy.stats import binom

    for count in range(6):
        assert tail([0.3] * 5, count) == pytest.approx(binom.sf(count - 1, 5, 0.3))
    assert tail([1.0, 0.0, 1.0], 2) == pytest.approx(1)
    assert tail([1.0, 0.0, 1.0], 3) == pytest.approx(0)


@pytest.mark.parametrize(("rate", "requests"), [(0.01, 299), (0.005, 598), (0.0075, 398), (0.5, 5)])
def test_so_many_requests_see_a_rate_all_but_once_in_twenty(rate, requests):
    assert needed(rate) == requests
    assert (1 - rate) ** requests <= 0.05 < (1 - rate) ** (requests - 1)


@pytest.mark.parametrize("likeliest", [None, 2, 1])
def test_texts_drawn_as_stated_are_no_evidence_of_heat(likeliest):
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 3, (40, 50)).astype(np.float32)
    found = [
        heat_of(logits, [drawn(generator, logits, 1.0, likeliest) for _ in range(5)], 1.0)
        for _ in range(300)
    ]
    assert np.mean(np.exp(found)) < 1.5  # 1 at most in expectation
    assert np.mean([it > math.log(20) for it in found]) < 0.05


@pytest.mark.parametrize("temperature", [1.5, 2.0, 6.0])
def test_texts_drawn_hotter_are_evidence(temperature):
    generator = np.random.default_rng(2)
    logits = generator.normal(0, 3, (40, 50)).astype(np.float32)
    texts = [drawn(generator, logits, temperature) for _ in range(5)]
    assert heat_of(logits, texts, 1.0) > 9.2
    assert heat_of(logits, texts, temperature) < 9.2


def test_a_repetition_penalty_holds_for_what_was_said_before():
    found = penalized(LOGITS, (2,), (0, 1), 2.0)
    assert found.tolist() == [[2.0, 0.0, -2.0], [0.25, 0.5, 0.0]]
    assert penalized(LOGITS, (2,), (0, 1), 1.0) is LOGITS
