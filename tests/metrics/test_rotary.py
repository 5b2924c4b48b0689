"""Caches are right to the rounding of their type, and wrong ones by position and base."""

import numpy as np
import pytest

from harness.metrics.rotary import Cache, Rotation, angles, cache_problems

PLAIN = Rotation(1e4, 64, 4096)
ROUNDING = {np.float32: 2.0**-24, np.float16: 2.0**-11}


def cache(rotation=PLAIN, rows=4096, kind=np.float32, which=0, name="cos_cache"):
    """As a builder makes it: all in float32."""
    way = angles(rotation)[which]
    turned = np.outer(np.arange(rows, dtype=np.float32), way.frequencies.astype(np.float32)).astype(
        np.float32
    )
    parts = [(turn(turned) * np.float32(way.factor)).astype(kind) for turn in (np.cos, np.sin)]
    return Cache(name, *parts, ROUNDING[kind])


@pytest.mark.parametrize("kind", ROUNDING)
@pytest.mark.parametrize("base", [1e4, 1e6])
def test_float32_arithmetic_is_no_difference_at_any_length(kind, base):
    rotation = Rotation(base, 64, 131_072)
    assert cache_problems((cache(rotation, 131_072, kind),), rotation, 131_072) == []


@pytest.mark.parametrize(
    ("factor", "base"), [(0.1, "1,000,"), (0.99, "9,900"), (1.001, "10,010"), (10.0, "100,000")]
)
@pytest.mark.parametrize("kind", ROUNDING)
def test_another_base_is_named(factor, base, kind):
    other = Rotation(1e4 * factor, 64, 4096)
    [found] = cache_problems((cache(other, kind=kind),), PLAIN, 4096)
    assert "the source's is 10,000 (default)" in found
    if kind is np.float32:
        assert f"a base of {base}" in found


def test_a_few_wrong_positions_are_named_by_number():
    wrong = cache()
    wrong.cosines[700:703, 5] += 0.01
    [found] = cache_problems((wrong,), PLAIN, 4096)
    assert "off in 3 of 4,096 positions (700 to 702), by up to 0.01" in found
    wrong.sines[5, 1] = np.nan
    assert "(5 to 702), by up to inf" in cache_problems((wrong,), PLAIN, 4096)[0]


def test_a_cache_may_be_longer_than_the_context_and_not_shorter():
    assert cache_problems((cache(rows=4096),), PLAIN, 2048) == []
    assert cache_problems((cache(rows=2047),), PLAIN, 2048) == [
        "cos_cache has 2,047 positions, and the context 2,048"
    ]


def test_the_number_of_dimensions_that_are_turned_is_compared():
    [found] = cache_problems((cache(),), Rotation(1e4, 48, 4096), 4096)
    assert found == "cos_cache turns 64 dimensions of a head, 48 by the source's configuration"


def test_yarns_bounds_may_be_whole_pairs_or_not():
    options = {"factor": 4.0}
    rotation = Rotation(1e6, 64, 4096, "yarn", 1024, options)
    for which in (0, 1):
        assert cache_problems((cache(rotation, which=which),), rotation, 4096) == []
    plain = cache(Rotation(1e6, 64, 4096))
    assert cache_problems((plain,), rotation, 4096)


LONG = Rotation(
    1e4, 8, 4096, "longrope", 1024, {"short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [2.0] * 4}
)


def test_longrope_needs_one_cache_of_each():
    short = cache(LONG, 1024, which=0, name="small")
    long = cache(LONG, 4096, which=1, name="large")
    assert cache_problems((short, long), LONG, 4096) == []
    assert cache_problems((long, short), LONG, 4096) == []
    assert cache_problems((short,), LONG, 1024) == []
    [found] = cache_problems((long,), LONG, 4096)
    assert "does not tell long prompts from short ones" in found
    assert cache_problems((short, short), LONG, 4096)


def test_a_kind_that_is_not_known_is_refused_by_name():
    with pytest.raises(ValueError, match="'dynamic' are not known"):
        angles(Rotation(1e4, 64, 4096, "dynamic"))
