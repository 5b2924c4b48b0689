import numpy as np
import pytest

from harness.stats.scaling import worst_ratio

SEED = 20261120
LENGTHS = [str(2**power) for power in range(5, 13)]
LABELS = [length for length in LENGTHS for _ in range(5)]


def ratios(random, factor=1.0, at="512"):
    base = np.array([float(label) for label in LABELS])
    mine = 0.8 * base * random.lognormal(0, 0.07, base.size)
    mine[[label == at for label in LABELS]] *= factor
    return worst_ratio(mine, base * random.lognormal(0, 0.07, base.size), LABELS, 0.9)


def test_a_cliff_is_found_at_its_length():
    random = np.random.default_rng(SEED)
    found = [ratios(random, factor=2.0) for _ in range(40)]
    assert all(it.where == "512" for it in found)
    assert sum(it.lower > 1.5 for it in found) >= 38


def test_a_smooth_curve_is_no_cliff():
    random = np.random.default_rng(SEED)
    assert sum(ratios(random).lower > 1.1 for _ in range(200)) <= 10


@pytest.mark.parametrize("labels", [["1"] * 6, ["1", "2", "3", "4", "5", "6"]])
def test_too_few_lengths_or_repetitions_decide_nothing(labels):
    assert not worst_ratio([1.0] * 6, [1.0] * 6, labels, 0.9).is_bounded
