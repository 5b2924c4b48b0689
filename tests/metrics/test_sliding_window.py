import pytest

from harness.metrics.sliding_window import window_tokens


@pytest.mark.parametrize(
    ("decoder", "tokens"),
    [
        ({}, 0),
        ({"sliding_window": None}, 0),
        ({"sliding_window": {"window_size": 512}}, 512),
        ({"sliding_window": {"window_size": 512, "layers": [0, 2]}}, 512),
        ({"sliding_window": {"window_size": 262_144, "layers": []}}, 0),  # Phi-4-mini
        ({"sliding_window": {"layers": [0]}}, 0),
    ],
)
def test_a_window_that_no_layer_has_is_none(decoder, tokens):
    assert window_tokens(decoder) == tokens
