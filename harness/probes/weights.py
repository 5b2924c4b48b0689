"""Compares every weight of a variant with its source checkpoint: no inference, no torch.

One tensor is read at a time, and of it as many rows as fit into a few megabytes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np

from harness.evidence import NO_SOURCE
from harness.metrics.weight_names import Names, Piece, lacking, layer_of, names_of, shown, unknown
from harness.metrics.weights import (
    Allowance,
    Fit,
    Floats,
    Sizes,
    allowance,
    are_rescaled,
    block_errors,
    block_sizes,
    joined,
    rescaled,
    rotation_errors,
)
from harness.probes.checkpoint import Checkpoint
from harness.probes.graph_weights import BlockWeight, FloatWeight, Weight, read_weights
from harness.release import Algorithm

_AT_ONCE = 2**20  # weights
_SAMPLE_ROWS = 32  # to tell which tensor is meant
_ALIKE = 0.5  # of the same tensor at 2 bits it is 0.9, of another 0.0
_ENOUGH = 0.9  # of the variant's weights, or what was not seen might be anything
_NAMED = 3

Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every tensor that was compared, those of the source that the variant lacks, and what else
    the reader must know; `absence` says why nothing can be concluded, empty where it can.
    """

    fits: tuple[Fit, ...] = ()
    lacking: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    absence: str = ""


def compare_weights(
    directory: Path, source: Path | None, algorithm: Algorithm | None
) -> Comparison:
    """Every tensor of a variant's graph beside the checkpoint's, where there is one.

    Raises LoadError where the variant's files and ConfigError where the checkpoint's are not whole.
    """
    if source is None:
        return Comparison(absence=NO_SOURCE)
    with Checkpoint(source) as checkpoint:
        if not checkpoint.shapes:
            return Comparison(absence="the source checkpoint has no safetensors to compare with")
        return _compare(directory, checkpoint, allowance(algorithm))


def _compare(directory: Path, checkpoint: Checkpoint, may: Allowance) -> Comparison:
    graph = read_weights(directory)
    weights = [_as_loaded(weight, checkpoint.rounding) for weight in graph.weights]
    pairs, strangers = _paired(weights, checkpoint)
    alike = [(weight, pieces) for weight, pieces in pairs if _is_kept(weight, may)]
    changed = [weight for weight, _ in pairs if not _is_kept(weight, may)]
    left = [(it.name, prod(it.shape)) for it in (*strangers, *changed)] + list(graph.unread)
    absence = _absence(sum(prod(weight.shape) for weight, _ in alike), left)
    if absence:
        return Comparison(absence=absence)
    used = {piece.name for _, pieces in pairs for piece in pieces}
    fits = [_fit(weight, pieces, checkpoint, may) for weight, pieces in alike]
    fits += [_rotation(*caches) for caches in graph.rotations]
    lost = tuple(it for it in lacking(checkpoint.shapes, used) if not checkpoint.is_zero(it))
    more = [it for it in unknown(checkpoint.shapes, used) if not checkpoint.is_zero(it)]
    return Comparison(tuple(fits), lost, _remarks([name for name, _ in left], more))


def _remarks(left: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    mine, theirs = _listed("variant", left), _listed("source", more)
    found = (
        f"not compared with the source: {mine}" if mine else "",
        f"of a kind that the variant has not: {theirs}" if theirs else "",
    )
    return tuple(filter(None, found))


def _as_loaded(weight: Weight, rounding: float) -> Weight:
    """The weight with what it may be off before it came to be stored; no block of levels shows."""
    if isinstance(weight, BlockWeight) or rounding <= weight.format.relative:
        return weight
    return replace(weight, format=replace(weight.format, relative=rounding, absolute=1e-7))


def _is_kept(weight: Weight, may: Allowance) -> bool:
    """Whether the algorithm leaves a tensor comparable: a factor hides all that a vector has."""
    return weight.shape[1] > 1 or not may.rescales


def _absence(compared: int, left: Sequence[tuple[str, int]]) -> str:
    """Why too little was compared; sizes are numbers of weights."""
    share = compared / max(1, compared + sum(size for _, size in left))
    if compared and share >= _ENOUGH:
        return ""
    if not left:
        return "the variant has no graph with weights in it"
    names = [name for name, _ in sorted(left, key=lambda it: -it[1])]
    found = f"only {100 * share:.3g} % of the weights have a known source"
    return f"{found}; without one: {_listed('variant', names)}"


def _listed(whose: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} of the {whose}'s tensors, {', '.join(names[:_NAMED])}{more}"


def _paired(
    weights: Sequence[Weight], checkpoint: Checkpoint
) -> tuple[list[tuple[Weight, Pieces]], list[Weight]]:
    """Each weight with what it was made from, by name or else by content; and those of nothing."""
    names = names_of(checkpoint.shapes)
    pairs: list[tuple[Weight, Pieces]] = []
    unnamed: list[Weight] = []
    for weight in weights:
        found = _named(weight, names)
        if found:
            pairs.append(found)
        else:
            unnamed.append(weight)
    free = set(checkpoint.shapes) - {piece.name for _, pieces in pairs for piece in pieces}
    strangers = []
    for weight in unnamed:
        found = _resembling(weight, checkpoint, free)
        if found:
            pairs.append(found)
            free -= {piece.name for piece in found[1]}
        else:
            strangers.append(weight)
    return pairs, strangers


def _named(weight: Weight, names: Names) -> tuple[Weight, Pieces] | None:
    for it in _orientations(weight):
        pieces = names.pieces(it.name, it.shape[0])
        if pieces and all(_columns(names.shapes[piece.name]) == it.shape[1] for piece in pieces):
            return it, pieces
    return None


def _columns(shape: tuple[int, ...]) -> int:
    return prod(shape[1:])


def _orientations(weight: Weight) -> Iterator[Weight]:
    yield weight
    if isinstance(weight, FloatWeight) and weight.values.ndim == 2:
        yield replace(weight, values=weight.values.T)


def _resembling(
    weight: Weight, checkpoint: Checkpoint, free: set[str]
) -> tuple[Weight, Pieces] | None:
    """The free tensor of the same shape, and layer where both say one, that is most alike."""
    best, found = _ALIKE, None
    for it in _orientations(weight):
        for name in sorted(free):
            shape, layers = checkpoint.shapes[name], {layer_of(it.name), layer_of(name)}
            if (shape[0], _columns(shape)) != it.shape or len(layers - {""}) > 1:
                continue
            pieces = (Piece(name, 0, shape[0]),)
            likeness = _likeness(it, pieces, checkpoint)
            if likeness > best:
                best, found = likeness, (it, pieces)
    return found


def _likeness(weight: Weight, pieces: Pieces, checkpoint: Checkpoint) -> float:
    """2 a.b / (a.a + b.b) over some rows in the middle: 1 for equal ones."""
    rows = weight.shape[0]
    count = rows if weight.shape[1] == 1 else min(rows, _SAMPLE_ROWS)
    first = (rows - count) // 2
    theirs = checkpoint.rows(pieces, first, first + count)
    mine = weight.rows(first, first + count)[:, : theirs.shape[1]]
    size = float(np.vdot(theirs, theirs) + np.vdot(mine, mine))
    return 2 * float(np.vdot(theirs, mine)) / size if size else 1.0


def _fit(weight: Weight, pieces: Pieces, checkpoint: Checkpoint, may: Allowance) -> Fit:
    def read(first: int, end: int) -> tuple[Floats, Floats]:
        theirs = checkpoint.rows(pieces, first, end)
        return theirs, weight.rows(first, end)[:, : theirs.shape[1]]

    if weight.shape[1] == 1:
        return Fit(
            shown(weight.name), weight.format, _vector_errors(weight, *read(0, weight.shape[0]))
        )
    allowed = may if isinstance(weight, BlockWeight) else Allowance()
    factors = _channel_factors(read, weight.shape) if allowed.rescales else None
    if factors is not None and not are_rescaled(factors):
        factors = None
    errors, sizes = list[Floats](), list[Sizes]()
    for first, end in _chunks(*weight.shape):
        theirs, mine = read(first, end)
        if factors is not None:
            theirs = rescaled(theirs, mine, factors)
        compensates = allowed.compensates
        errors.append(block_errors(theirs, mine, weight.format, compensates=compensates))
        sizes.append(block_sizes(theirs, mine, weight.format.block_size))
    name, found = shown(weight.name), np.concatenate(errors)
    return Fit(name, weight.format, found, allowed, joined(sizes))


def _vector_errors(weight: Weight, theirs: Floats, mine: Floats) -> Floats:
    """Of a vector; a normalization may be stored with the 1 that some models add to it (Gemma)."""
    options = [theirs, theirs + 1] if "norm" in weight.name else [theirs]
    found = [block_errors(it.T, mine.T, weight.format) for it in options]
    return min(found, key=lambda errors: float(np.median(errors)))


def _channel_factors(
    read: Callable[[int, int], tuple[Floats, Floats]], shape: tuple[int, int]
) -> Floats:
    """What each column was multiplied with, by least squares, (columns,)."""
    product, square = np.zeros(shape[1]), np.zeros(shape[1])
    for first, end in _chunks(*shape):
        theirs, mine = read(first, end)
        product += np.einsum("rc,rc->c", theirs, mine)
        square += np.einsum("rc,rc->c", theirs, theirs)
    return np.divide(product, square, out=np.ones_like(square), where=square > 0).astype(np.float32)


def _chunks(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    step = max(1, _AT_ONCE // columns)
    for first in range(0, rows, step):
        yield first, min(first + step, rows)


def _rotation(cosines: FloatWeight, sines: FloatWeight) -> Fit:
    rows = cosines.shape[0]
    errors = rotation_errors(cosines.rows(0, rows), sines.rows(0, rows), cosines.format)
    return Fit(f"{cosines.name} and {sines.name}", cosines.format, errors)
