import numpy as np
import pytest

from harness.metrics.scaling import deviation, ladder, length_limits, places


@pytest.mark.parametrize(
    ("longest", "expected"),
    [
        (31, ()),
        (32, (32,)),
        (56, (32, 48, 56)),
        (100, (32, 48, 64, 96, 100)),
        (255, (32, 48, 64, 96, 128, 255)),
        (600, (32, 48, 64, 96, 128, 255, 256, 257, 511, 512, 513, 600)),
    ],
)
def test_the_ladder_is_geometric_straddles_powers_of_two_and_ends_at_the_longest(longest, expected):
    assert ladder(longest) == expected


def test_limits_are_straddled_as_far_as_the_ladder_goes():
    rungs = ladder(100, limits=(0, 10, 50, 100, 4096))
    assert rungs == (32, 48, 49, 50, 51, 64, 96, 99, 100)


def test_of_each_limits_rungs_the_one_beyond_is_its_place():
    assert places(ladder(600)) == (32, 48, 64, 96, 128, 257, 513, 600)
    assert places(()) == ()


def test_limits_of_a_configuration_are_found_at_any_depth():
    document = {
        "model": {"decoder": {"sliding_window": {"window_size": 2047}, "head_size": 64}},
        "search": {"chunk_size": 1000},
        "rope_scaling": [{"original_max_position_embeddings": 8192, "long_factor": [1.0]}],
        "attention_chunk_size": None,
    }
    assert length_limits(document) == {2047, 1000, 8192}


def test_a_sliding_window_that_is_not_used_is_no_limit():
    used = {"sliding_window": 512}
    assert length_limits(used) == {512}
    assert length_limits({**used, "use_sliding_window": False}) == set()
    assert length_limits({"sliding_window": True}) == set()


def test_deviation_is_of_the_distribution_not_of_the_logits_level():
    random = np.random.default_rng(1)
    logits = random.normal(0, 3, (70, 11)).astype(np.float32)
    it = deviation(logits, logits + 5)
    assert it.kld.shape == (70,)
    assert it.kld == pytest.approx(0, abs=1e-6)
    assert it.error == pytest.approx(0, abs=1e-5)
    assert it.top1.tolist() == [1.0] * 70
    assert it.spread == pytest.approx(
        np.abs(logits - logits.mean(axis=1, keepdims=True)).mean(axis=1), rel=1e-4
    )


def test_error_is_the_mean_distance_of_the_logits():
    theirs = np.zeros((1, 4), np.float32)
    it = deviation(theirs, np.array([[1, -1, 2, -2]], np.float32))
    assert it.error.tolist() == [1.5]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_position_that_is_not_finite_is_not_compared(bad):
    random = np.random.default_rng(1)
    theirs, mine = random.normal(0, 1, (2, 3, 5)).astype(np.float32)
    mine[1, 2] = bad
    it = deviation(theirs, mine)
    for values in (it.kld, it.top1, it.error, it.spread):
        assert np.isnan(values).tolist() == [False, True, False]
