import numpy as np
import pytest

from harness.stats.multiplicity import holm


def test_adjusted_p_values_are_those_of_holms_steps():
    """Holm's example in R's p.adjust: 0.01, 0.02, 0.03, 0.04, 0.05."""
    found = holm([0.03, 0.01, 0.05, 0.02, 0.04])
    assert found == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])


def test_tests_on_the_last_axis_are_a_family_of_their_own():
    both = holm(np.array([[0.01, 0.9], [0.4, 0.02]]))
    assert both == pytest.approx(np.array([[0.02, 0.9], [0.4, 0.04]]))


def test_an_adjusted_p_value_is_never_over_1():
    assert holm([0.7, 0.8]) == pytest.approx([1.0, 1.0])
