"""Errors of blocks against simulation, and the plants that only they show."""

from dataclasses import replace

import numpy as np
import pytest

from harness.metrics.weights import (
    BROKEN,
    Allowance,
    Fit,
    Format,
    allowance,
    are_rescaled,
    block_errors,
    block_sizes,
    dequantized,
    rescaled,
    rotation_errors,
    unpacked,
)
from harness.release import Algorithm
from tests.rounding import packed, rounded

FP32 = Format("fp32", relative=2.0**-23)


def gaussian(rows=64, columns=512, seed=0):
    return np.random.default_rng(seed).normal(0, 0.05, (rows, columns)).astype(np.float32)


def errors(weights, bits=4, size=32, symmetric=True, *, damage=lambda *parts: None):
    levels, scales, points = rounded(weights, bits, size, symmetric)
    damage(levels, scales, points)
    form = Format(f"int{bits}", bits, size, symmetric)
    return block_errors(weights, dequantized(levels, scales, points), form)


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("size", [32, 128])
@pytest.mark.parametrize("bits", [4, 8])
def test_rounding_alone_has_an_error_of_1(bits, size, symmetric):
    found = errors(gaussian(256), bits, size, symmetric)
    assert float(np.median(found)) == pytest.approx(1, abs=0.03)
    assert float(found.max()) < 1.6


def test_the_scale_of_the_weights_does_not_matter():
    large, small = errors(gaussian() * 1e4), errors(gaussian() * 1e-4)
    np.testing.assert_allclose(large, small, rtol=1e-3)


def test_one_bit_less_doubles_the_error():
    weights = gaussian(256)
    levels, scales, points = rounded(weights, 3, 32)
    found = block_errors(weights, dequantized(levels, scales, points), Format("int4", 4, 32))
    assert float(np.median(found)) == pytest.approx(2, abs=0.05)


def test_blocks_that_the_columns_do_not_fill_are_measured_by_what_they_hold():
    found = errors(gaussian(512, 40))
    assert found.shape == (512, 2)
    assert float(np.median(found[:, 1])) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("damage", "least"),
    [
        (lambda levels, scales, points: scales.__setitem__((3, 5), 0), 8),
        (lambda levels, scales, points: scales.__setitem__((3, 5), 2 * scales[3, 5]), 8),
        (lambda levels, scales, points: levels.__setitem__((3, 5), 0), 20),
        (lambda levels, scales, points: points.__setitem__((3, 5), points[3, 5] + 1), 3),
        (lambda levels, scales, points: scales.__setitem__((3, 5), np.nan), BROKEN),
        (lambda levels, scales, points: scales.__setitem__((3, 5), np.inf), BROKEN),
    ],
    ids=["zero scale", "exponent", "zero levels", "zero point", "NaN", "Inf"],
)
@pytest.mark.parametrize("symmetric", [True, False])
def test_a_damaged_block_stands_out_and_no_other_does(damage, least, symmetric):
    found = errors(gaussian(), symmetric=symmetric, damage=damage)
    assert np.unravel_index(found.argmax(), found.shape) == (3, 5)
    assert found[3, 5] >= least
    assert np.partition(found.ravel(), -2)[-2] < 1.6


def test_a_block_of_zeros_must_stay_one():
    weights = gaussian()
    weights[2, :32] = 0
    assert errors(weights)[2, 0] == 0
    mine = weights.copy()
    mine[2, 3] = 1e-3
    assert block_errors(weights, mine, Format("int4", 4, 32))[2, 0] == BROKEN


def test_half_precision_explains_its_rounding_and_no_hole():
    weights = gaussian()
    half = Format("fp16", relative=2.0**-11, absolute=1e-7)
    mine = weights.astype(np.float16).astype(np.float32)
    assert float(block_errors(weights, mine, half).max()) < 1
    assert float(block_errors(weights, mine, FP32).max()) > 1000
    mine[:, 7] = 0
    assert float(block_errors(weights, mine, half).min()) < 1
    assert float(block_errors(weights, mine, half).max()) > 100


def test_errors_taken_over_from_others_count_less_unless_they_are_along_the_source():
    weights = gaussian(256)
    form = Format("int4", 4, 32)
    unit = np.abs(weights).reshape(256, 16, 32).max(-1) / 8 / np.sqrt(12)
    random = np.random.default_rng(1).normal(0, 4, weights.shape).reshape(256, 16, 32)
    mine = (weights + (random * unit[..., None]).reshape(weights.shape)).astype(np.float32)
    mine[7, :32] = 0
    plain = block_errors(weights, mine, form)
    found = block_errors(weights, mine, form, compensates=True)
    assert float(np.median(plain)) == pytest.approx(4, abs=0.1)
    assert float(np.median(found)) < 1.3
    assert np.unravel_index(found.argmax(), found.shape) == (7, 0)
    assert found[7, 0] > 3 * np.partition(found.ravel(), -2)[-2]


def test_the_error_of_a_small_block_is_in_units_of_its_row():
    weights = gaussian()
    weights[0, :32] /= 100
    mine = weights + np.float32(0.005)
    form = Format("int4", 4, 32)
    own, row = (block_errors(weights, mine, form, compensates=it)[0, 0] for it in (False, True))
    assert own > 50 * row


def test_factors_of_channels_are_found_and_a_damaged_block_beside_them():
    weights = gaussian(256)
    random = np.random.default_rng(1)
    by_column = random.uniform(0.3, 3, 512).astype(np.float32)
    by_row = random.uniform(0.5, 2, (256, 1)).astype(np.float32)
    made = (weights * by_column * by_row).astype(np.float32)
    levels, scales, points = rounded(made, 4, 32)
    scales[9, 3] = 0
    mine = dequantized(levels, scales, points)
    fitted = np.einsum("rc,rc->c", weights, mine) / np.einsum("rc,rc->c", weights, weights)
    source = rescaled(weights, mine, fitted.astype(np.float32))
    found = block_errors(source, mine, Format("int4", 4, 32), compensates=True)
    assert float(np.median(found)) < 1.5
    assert np.unravel_index(found.argmax(), found.shape) == (9, 3)


def test_levels_are_unpacked_lowest_bits_first():
    assert unpacked(np.array([[0x21, 0xF0]], np.uint8), 4).tolist() == [[1, 2, 0, 15]]
    assert unpacked(np.array([0b11100100], np.uint8), 2).tolist() == [0, 1, 2, 3]
    assert unpacked(np.array([200], np.uint8), 8).tolist() == [200]
    levels = np.arange(16, dtype=np.uint8)
    assert unpacked(packed(levels, 4), 4).tolist() == levels.tolist()


def test_a_fit_names_how_many_blocks_are_off_and_where():
    found = np.ones((64, 8), np.float32)
    form = Format("int4", 4, 32)
    assert Fit("down_proj", form, found).label == "down_proj"
    found[5, 1] = found[9, 0] = 23
    fit = Fit("down_proj", form, found)
    assert (fit.off, fit.middle) == (1, 1)  # the first is let pass
    assert fit.label == (
        "down_proj, where 2 of 512 blocks (rows 5 to 9) are off by more than 4 bits at block size "
        "32 explain"
    )
    moved = Fit("down_proj", form, found, Allowance(compensates=True))
    assert (moved.label, moved.off) == ("down_proj", 0)
    found[5, 1] = BROKEN
    assert Fit("down_proj", form, found, moved.allowance).off == 1
    one = np.array([[7]], np.float32)
    assert Fit("norm", FP32, one).off == 1
    assert Fit("norm", FP32, one).label.endswith(
        "1 of 1 blocks (row 0) is off by more than fp32 explains"
    )


def test_only_algorithms_that_move_errors_are_allowed_to():
    for plain in (None, Algorithm.RTN, Algorithm.K_QUANT):
        assert allowance(plain) == Allowance()
    assert allowance(Algorithm.GPTQ).compensates
    assert allowance(Algorithm.AWQ).rescales


def rotations(factor=1.0):
    angles = np.outer(np.arange(300), 10000.0 ** (-np.arange(16) / 16))
    return [(factor * turn(angles)).astype(np.float32) for turn in (np.cos, np.sin)]


@pytest.mark.parametrize("factor", [1, 1.35])
def test_rotations_keep_their_length_at_every_position(factor):
    cosines, sines = rotations(factor)
    assert float(rotation_errors(cosines, sines, FP32).max()) < 1
    cosines[100:104] = 0
    sines[200] = cosines[200] = 0
    cosines[250, 3] = np.nan
    found = rotation_errors(cosines, sines, FP32)[:, 0]
    assert np.flatnonzero(found > 2).tolist() == [100, 101, 102, 103, 200, 250]


def sizes(change):
    weights = gaussian(256)
    mine = dequantized(*rounded(weights, 4, 32))
    change(mine)
    return block_sizes(weights, mine, 32)


def test_rounding_leaves_size_and_rows_as_they_were():
    found = sizes(lambda mine: None)
    assert found.factor < 1.01
    assert (found.odd_rows, found.lost_rows, found.lost < 1e-3) == ((), 0, True)


@pytest.mark.parametrize("factor", [1.1, 1 / 1.1, 0.0, np.nan])
def test_a_tensor_of_another_size_has_a_factor(factor):
    def scale(mine):
        mine *= factor

    found = sizes(scale).factor
    assert found == (pytest.approx(1.1, abs=0.01) if factor > 0 else BROKEN)


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.5, -1.0, np.nan])
def test_rows_of_another_size_are_counted_each(factor):
    def scale(mine):
        mine[[3, 200]] *= factor

    found = sizes(scale)
    assert (found.odd_rows, found.lost_rows) == ((3, 200), 2)
    form = Format("int4", 4, 32)
    fit = Fit("down_proj", form, np.ones((256, 16), np.float32), Allowance(compensates=True))
    assert replace(fit, sizes=found).label == (
        "down_proj, where 2 of 256 rows are others (the first is 3)"
    )


@pytest.mark.parametrize(("rows", "columns", "lost"), [(1, 256, 0), (1, 512, 1), (2, 256, 1)])
def test_one_row_that_is_odd_for_a_single_block_is_let_pass(rows, columns, lost):
    weights = gaussian(256)
    mine = dequantized(*rounded(weights, 4, 32))
    mine[:rows, :columns] = 0
    found = block_sizes(weights, mine, 256)
    assert found.odd_rows == tuple(range(rows))
    assert found.lost_rows == lost


def test_what_is_lost_is_counted_by_its_size_and_one_block_by_its_error():
    def zero(mine):
        mine[:16, :32] = 0

    def enlarge(mine):
        mine[5, :32] *= 16

    assert sizes(zero).lost == pytest.approx(16 / 256 / 16, rel=0.1)
    assert sizes(enlarge).lost == pytest.approx(15**2 / 256 / 16, rel=0.3)


def test_columns_are_only_rescaled_where_each_has_a_factor_of_its_own():
    random = np.random.default_rng(0)
    assert not are_rescaled((1.1 + random.normal(0, 0.01, 512)).astype(np.float32))
    assert are_rescaled(random.uniform(0.5, 2, 512).astype(np.float32))
