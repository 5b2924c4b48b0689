"""Simulated errors of the same positions at every length."""

import numpy as np
import pytest

from harness.stats.rungs import rung_label
from harness.stats.steps import worst_drop, worst_excess, worst_step

SEED = 20261120
LENGTHS = (32, 64, 128, 255, 256, 257, 511, 512, 513, 1023, 2047, 4088)
POSITIONS = 128
LABELS = [rung_label(length) for length in LENGTHS for _ in range(POSITIONS)]
SMOOTH = np.linspace(1, 1.35, len(LENGTHS))


def errors(random, levels):
    """Lognormal errors with the level of each length, part of it the position's own."""
    own = random.normal(0, 0.3, POSITIONS)
    rows = random.normal(0, 0.3, (len(LENGTHS), POSITIONS)) + own
    return (np.exp(rows) * np.asarray(levels)[:, None]).ravel()


def after(factor, first):
    return SMOOTH * np.where(np.array(LENGTHS) >= first, factor, 1.0)


def test_a_step_is_found_at_the_first_length_that_has_it():
    random = np.random.default_rng(SEED)
    scale = np.full(len(LABELS), 3.0)
    found = [worst_step(errors(random, after(1.5, 600)), scale, LABELS, 0.9) for _ in range(20)]
    assert all(it.where == "1,023 tokens" and it.lower > 1.2 for it in found)


def test_smooth_growth_is_no_step():
    random = np.random.default_rng(SEED)
    scale = np.full(len(LABELS), 3.0)
    found = [worst_step(errors(random, SMOOTH), scale, LABELS, 0.9) for _ in range(100)]
    assert sum(it.lower > 1.15 for it in found) <= 5


def test_an_error_of_nearly_nothing_makes_no_step():
    random = np.random.default_rng(SEED)
    tiny = errors(random, after(20.0, 512)) * 1e-6
    assert worst_step(tiny, np.ones(len(LABELS)), LABELS, 0.9).upper < 1.1


def test_an_interval_covers_the_ratio_of_mean_divergences():
    random = np.random.default_rng(SEED)
    levels = [0.1] * (len(LENGTHS) - 1) + [0.4]
    found = [worst_excess(errors(random, levels), LABELS, 0.9) for _ in range(100)]
    true = (0.4 * np.exp(0.09) + 1e-3) / (0.1 * np.exp(0.09) + 1e-3)
    assert sum(it.lower <= true <= it.upper for it in found) >= 90
    assert all(it.where == "4,088 tokens" and it.lower > 2 for it in found)


def test_divergence_below_what_matters_is_no_excess():
    levels = [1e-6] * (len(LENGTHS) - 1) + [1e-4]
    random = np.random.default_rng(SEED)
    assert worst_excess(errors(random, levels), LABELS, 0.9).upper < 1.3


def test_lost_agreement_is_found_at_its_length():
    agreed = np.ones((len(LENGTHS), POSITIONS))
    agreed[-2, :40] = 0
    it = worst_drop(agreed.ravel(), LABELS, 0.9)
    assert it.where == "2,047 tokens"
    assert it.value == pytest.approx(-40 / POSITIONS)
    assert it.lower < it.value < it.upper < -0.15


def test_agreement_that_is_never_perfect_is_not_lost():
    random = np.random.default_rng(SEED)
    agreed = [(random.random(len(LABELS)) < 0.8).astype(float) for _ in range(100)]
    assert sum(worst_drop(it, LABELS, 0.9).upper < 0 for it in agreed) <= 10


@pytest.mark.parametrize(
    "labels", [["32"] * 4, ["32", "32", "64", "128"], ["32", "64", "128", "256"]]
)
def test_lengths_without_the_same_positions_decide_nothing(labels):
    values = [0.1, 0.2, 0.3, 0.4]
    assert not worst_step(values, [1.0] * 4, labels, 0.9).is_bounded
    assert not worst_excess(values, labels, 0.9).is_bounded
    assert not worst_drop([1.0] * 4, labels, 0.9).is_bounded
