import pytest

from harness.metrics.scaling import ladder


@pytest.mark.parametrize(
    ("longest", "expected"),
    [(100, (32, 64, 100)), (64, (32, 64)), (32, (32,)), (10, (10,))],
)
def test_the_ladder_is_geometric_and_ends_at_the_longest(longest, expected):
    assert ladder(longest) == expected
