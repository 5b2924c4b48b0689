"""Weights beside those they were made from: how far off, in units of what their format explains.

Rounding to a grid leaves an error that is spread evenly over a step, and so step / sqrt(12) in
root mean square (Bennett, Spectra of quantized signals, 1948; Widrow and Kollar, Quantization
noise, 2008, chapter 1). The step of a block follows from the source's own range, so an error of 1
is what it costs to round at all. At 4 and 8 bits, blocks of 16 to 256, symmetric or not, rounded
to nearest or by k_quant, the middle block of a tensor measured 0.98 to 1.02 and the worst of
140,000 blocks 1.8; bits are halved steps, so one bit less is 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from harness.release import Algorithm

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

EXPLAINED = 2.0
"""An error that no clean block had where each weight is rounded alone: 1.8 of 4 million at most."""

BROKEN = 1e9
"""Stands for an error that is not a number or beyond all measure: evidence holds finite values."""

_FLOAT_BLOCK = 256  # weights of one row that are looked at together where nothing is quantized
_NOISE = 1 / np.sqrt(12)
_ACROSS = 3.5  # by which errors count less that are not along the source, where they may be large
_ODD_ROW = 4 / 3
_LOST_BLOCK = 2.0
_OWN_FACTORS = 0.1  # of their middle; rounding alone leaves 0.01
_ROW_FACTORS = 4.0  # a row that is all zeros is no rescaled one
_FACTORS = 4.0  # by which rotations of near and far positions may differ in size


@dataclass(frozen=True, slots=True)
class Format:
    """How a tensor's weights are stored.

    `block_size` weights share a scale. `relative` is what one value may be off by its own width,
    as a share of its size, and `absolute` what it may be off however small it is: half the
    spacing of floating-point numbers, of the values themselves (`bits` is then 0) or of scales.
    """

    name: str
    bits: int = 0
    block_size: int = _FLOAT_BLOCK
    symmetric: bool = True
    relative: float = 0.0
    absolute: float = 1e-30

    @property
    def label(self) -> str:
        """What explains an error: "4 bits at block size 32 explain", "fp16 explains"."""
        if not self.bits:
            return f"{self.name} explains"
        return f"{self.bits} bits at block size {self.block_size} explain"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an algorithm may do to weights besides rounding each to the nearest level.

    Errors are divided by `tensor` for the middle block. With `compensates` a block may take over
    errors of others in its row, see `block_errors`: then single blocks say nothing. With `rescales`
    each channel may have a factor, found by least squares where factors differ from channel to
    channel (`are_rescaled`); vectors cannot be compared at all.
    """

    tensor: float = 1.0
    compensates: bool = False
    rescales: bool = False


# GPTQ moves errors on to weights that are not yet rounded. Olive's own, 4 and 8 bits, blocks of 32
# and 128, in units of a row's steps: the middle block of a tensor 1.4 to 2.2, on a model of 2.3 and
# on one of 135 million parameters; the worst block 8.9 on the one and 42 on the other.
_COMPENSATED = Allowance(1.7 / _ACROSS, compensates=True)
_ALLOWANCES = {
    Algorithm.GPTQ: _COMPENSATED,
    Algorithm.HQQ: _COMPENSATED,  # not measured: it moves zero points, and clips
    Algorithm.AWQ: replace(_COMPENSATED, rescales=True),  # not measured: it clips, too
}


def allowance(algorithm: Algorithm | None) -> Allowance:
    """What an algorithm may do; one that is not stated may round to nearest, no more."""
    return Allowance() if algorithm is None else _ALLOWANCES.get(algorithm, Allowance())


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sums over every block, each (rows, blocks): the source's squares, its products with what is
    compared, and the squares of the difference.
    """

    source: Floats
    product: Floats
    error: Floats

    @property
    def factor(self) -> float:
        """By how much the whole is too large or too small, as a ratio of at least 1.

        Rounding leaves it at 1: what least squares finds is 1 less the square of the relative error
        at most, as far as values are their cells' means. Clean tensors of 4 and 8 bits measured
        0.991 to 1.001, gptq among them.
        """
        return _factor(float(self.product.sum()), float(self.source.sum()))

    @property
    def odd_rows(self) -> tuple[int, ...]:
        """Rows that have another factor than the rest: lost, doubled, another row's.

        Clean ones measured 0.91 to 1.12, gptq on 135 million parameters among them.
        """
        product, source = self.product.sum(axis=1), self.source.sum(axis=1)
        return tuple(np.flatnonzero(_off(product, source, _ODD_ROW)).tolist())

    @property
    def lost_rows(self) -> int:
        """How many odd rows there are, but for one that is not odd without its worst block.

        One lost block of thousands nobody can tell, and a row of few blocks is odd for it. A row
        that is lost as a whole is odd without any of its blocks.
        """
        rows = list(self.odd_rows)
        product, source = self.product[rows], self.source[rows]
        worst = np.abs(product - source).argmax(axis=1, keepdims=True)
        for sums in (product, source):  # copies, since rows were picked
            np.put_along_axis(sums, worst, 0.0, axis=1)
        are_odd = _off(product.sum(axis=1), source.sum(axis=1), _ODD_ROW)
        return len(rows) - int(not are_odd.all())

    @property
    def lost(self) -> float:
        """The share of the source, by its squares, in blocks that are lost or another's.

        Of the error of a single block, where that is more. A block with little of its own, into
        which gptq puts errors of others, hardly counts: clean tensors measured 0.3 % at most.
        """
        whole = float(self.source.sum())
        if not whole:
            return 0.0
        gone = self.source[_off(self.product, self.source, _LOST_BLOCK)].sum()
        return min(BROKEN, max(float(gone), float(self.error.max())) / whole)


def _factor(product: float, source: float) -> float:
    factor = product / source if source > 0 else 1.0
    return min(BROKEN, max(factor, 1 / factor)) if factor > 0 else BROKEN


def _off(product: Floats, source: Floats, reach: float) -> NDArray[np.bool_]:
    """Where the factor is beyond a ratio; what is not a number is, what the source lacks is not."""
    within = (product < reach * source) & (product > source / reach)
    return np.asarray(~within & (source > 0), np.bool_)


@dataclass(frozen=True)
class Fit:
    """One tensor beside its source: the error of every block, (rows, blocks), in order.

    `sizes` are None for what is no matrix.
    """

    name: str
    format: Format
    errors: Floats
    allowance: Allowance = Allowance()
    sizes: Sizes | None = None

    @cached_property
    def off(self) -> int:
        """Blocks that are off by more than is explained.

        Of quantized ones the first is let pass: one zeroed scale of thousands nobody can tell.
        Where errors are compensated a block is beyond all explanation if it is not a number.
        """
        broken = int((self.errors >= BROKEN).sum())
        if broken or self.allowance.compensates:
            return broken
        found = int((self.errors > EXPLAINED).sum())
        return max(0, found - 1) if self.format.bits else found

    @cached_property
    def middle(self) -> float:
        """The median error over what is explained: a few damaged blocks do not move it."""
        return float(np.median(self.errors)) / self.allowance.tensor

    @property
    def label(self) -> str:
        """The tensor, and which of its blocks are off."""
        off = np.argwhere(self.errors > EXPLAINED)
        if not len(off) or self.allowance.compensates:
            return self.name + self._rows
        first, last = int(off[0][0]), int(off[-1][0])
        rows = f"row {first}" if first == last else f"rows {first} to {last}"
        blocks = f"{len(off):,} of {self.errors.size:,} blocks ({rows})"
        verb = "is" if len(off) == 1 else "are"
        return f"{self.name}, where {blocks} {verb} off by more than {self.format.label}"

    @property
    def _rows(self) -> str:
        odd = self.sizes.odd_rows if self.sizes else ()
        if not odd:
            return ""
        return f", where {len(odd)} of {len(self.errors):,} rows are others (the first is {odd[0]})"


def unpacked(packed: Bytes, bits: int) -> Bytes:
    """Levels of 2, 4 or 8 bits, lowest bits first; the last axis grows by 8 / bits."""
    if bits == 8:
        return packed
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    table = (np.arange(256, dtype=np.uint8)[:, None] >> shifts) & np.uint8(2**bits - 1)
    whole = table.view(f"u{len(shifts)}")[:, 0]  # one look for all levels of a byte
    return whole[packed].view(np.uint8)


def dequantized(levels: NDArray[np.generic], scales: Floats, zero_points: Floats) -> Floats:
    """(level - zero point) * scale. `levels` is (rows, blocks, block size), the others (rows,
    blocks); the result is (rows, blocks * block size).
    """
    values = levels.astype(np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        values -= zero_points[..., None]
        values *= scales[..., None]
    return values.reshape(len(values), -1)


def block_errors(
    source: Floats, mine: Floats, form: Format, *, compensates: bool = False
) -> Floats:
    """Root mean square error of every block over what its format explains, (rows, blocks).

    Both are (rows, columns) in the source's orientation; further columns of `mine` pad its last
    block. With `compensates` a block may have
    errors of others in its row: the unit is the row's where the block's own is smaller, and only
    what is along the source's block (lost, doubled, turned round) counts in full.
    """
    columns = source.shape[1]
    size = form.block_size if form.bits else min(form.block_size, columns)
    theirs = _blocks(source, size)
    with np.errstate(invalid="ignore", over="ignore"):
        off = _blocks(mine[:, :columns] - source, size)
        counts = np.minimum(size, columns - size * np.arange(off.shape[1]))
        error = _size(off, off, counts)
        unit = _unit(theirs, counts, form)
        if compensates:
            unit = np.maximum(unit, np.sqrt(np.mean(unit**2, axis=1, keepdims=True)))
            along = _size(theirs, off, counts) ** 2 / np.maximum(
                _size(theirs, theirs, counts), unit
            )
            error = np.maximum(along, error / _ACROSS)
        ratio = error / unit
    return _finite(ratio)


def _size(one: Floats, other: Floats, counts: NDArray[np.int64]) -> Floats:
    """The root of the absolute mean product, (rows, blocks); with itself, root mean square."""
    product = np.einsum("rbs,rbs->rb", one, other)
    return np.asarray(np.sqrt(np.abs(product) / counts), np.float32)


def _finite(errors: NDArray[np.floating]) -> Floats:
    return np.asarray(np.nan_to_num(np.minimum(errors, BROKEN), nan=BROKEN), np.float32)


def _unit(blocks: Floats, counts: NDArray[np.int64], form: Format) -> NDArray[np.floating]:
    if not form.bits:
        return np.asarray(form.relative * _size(blocks, blocks, counts) + form.absolute)
    top, bottom = np.maximum(blocks.max(-1), 0), np.minimum(blocks.min(-1), 0)
    if form.symmetric:
        step = np.maximum(top, -bottom) / 2 ** (form.bits - 1)
    else:
        step = (top - bottom) / (2**form.bits - 1)
    return np.asarray(step * _NOISE + form.absolute * 2 ** (form.bits - 1))


def _blocks(values: Floats, size: int) -> Floats:
    """(rows, blocks, size), the last block filled up with zeros."""
    rows, columns = values.shape
    blocks = -(-columns // size)
    if columns != blocks * size:
        values = np.pad(values, ((0, 0), (0, blocks * size - columns)))
    return values.reshape(rows, blocks, size)


def block_sizes(source: Floats, mine: Floats, size: int) -> Sizes:
    """Of every block of two matrices, (rows, columns) each, the last block of a row shorter."""
    size = min(size, source.shape[1])
    with np.errstate(invalid="ignore", over="ignore"):
        theirs, its, off = (_blocks(it, size) for it in (source, mine, mine - source))
        pairs = ((theirs, theirs), (theirs, its), (off, off))
        square, product, error = (
            np.nan_to_num(np.einsum("rbs,rbs->rb", one, other), nan=0.0, posinf=BROKEN, neginf=0.0)
            for one, other in pairs
        )
    return Sizes(square, product, error)


def joined(parts: Sequence[Sizes]) -> Sizes:
    """Of all rows, given those of some rows after each other."""
    names = ("source", "product", "error")
    return Sizes(*(np.concatenate([getattr(it, name) for it in parts]) for name in names))


def are_rescaled(factors: Floats) -> bool:
    """Whether columns have factors of their own, as awq gives them, and not one for all."""
    low, middle, high = np.quantile(factors, (0.25, 0.5, 0.75))
    return bool(high - low > _OWN_FACTORS * abs(middle))


def rescaled(source: Floats, mine: Floats, factors: Floats) -> Floats:
    """The source with each column multiplied by its factor, (columns,), and each row by the one
    that brings it closest to `mine` (least squares); all (rows, columns).
    """
    columns = source * factors
    with np.errstate(invalid="ignore", over="ignore"):
        product = np.einsum("rc,rc->r", columns, mine)
        square = np.einsum("rc,rc->r", columns, columns)
        by_row = np.divide(product, square, out=np.ones_like(square), where=square > 0)
        by_row = np.clip(by_row, 1 / _ROW_FACTORS, _ROW_FACTORS)
    return np.asarray(columns * by_row[:, None], np.float32)


def rotation_errors(cosines: Floats, sines: Floats, form: Format) -> Floats:
    """How far cos^2 + sin^2 is from being the same, over what the format explains.

    Both are (positions, frequencies), the result (positions, 1). All frequencies of a position have
    one factor, mostly 1 (YaRN's attention factor), and so have, within a few, all positions.
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        power = cosines.astype(np.float64) ** 2 + sines.astype(np.float64) ** 2
        middle = np.median(power, axis=1, keepdims=True)
        typical = np.nanmedian(middle)
        off = np.abs(power - middle).max(axis=1, keepdims=True) / (4 * form.relative * typical)
        off[(middle < typical / _FACTORS) | (middle > typical * _FACTORS)] = BROKEN
    return _finite(off)
