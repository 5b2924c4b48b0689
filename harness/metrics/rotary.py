"""Rotary position embeddings: the angles that a configuration asks for, and caches beside them.

The formulas are those of transformers (`modeling_rope_utils.py`): the base alone, linear
interpolation, Llama 3's by wavelength, YaRN (Peng et al., 2023, arXiv:2309.00071) and LongRoPE
(Ding et al., 2024, arXiv:2402.13753).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KINDS = ("default", "linear", "llama3", "yarn", "longrope")
"""Kinds of scaling whose caches are known here."""

_AT_ONCE = 4096  # positions
_ANGLE_ROUNDING = 32 * 2.0**-24  # of a frequency that is computed in float32, relative


@dataclass(frozen=True, slots=True)
class Rotation:
    """How queries and keys are turned: `dimensions` of a head, in pairs.

    `context` is the number of positions that the configuration allows, `original` the number that
    the model was first trained for; `options` are the other fields of the scaling.
    """

    base: float
    dimensions: int
    context: int
    kind: str = "default"
    original: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        """Whether the formula of its scaling is known here."""
        return self.kind in KINDS


@dataclass(frozen=True, slots=True, eq=False)
class Angles:
    """One way to compute a cache: radians per position by pair, and what both parts are times."""

    frequencies: Floats
    factor: float = 1.0
    positions: int = 0  # that the cache must reach to; 0: all of the context


@dataclass(frozen=True, slots=True, eq=False)
class Cache:
    """Cosines and sines of a graph, (positions, pairs); `rounding` is what their type loses."""

    name: str
    cosines: NDArray[np.floating[Any]]
    sines: NDArray[np.floating[Any]]
    rounding: float = 2.0**-24


def angles(rotation: Rotation) -> list[Angles]:
    """The ways to compute the rotation that are right, one mostly.

    YaRN's bounds may be whole pairs or not, and LongRoPE has one cache for prompts within the
    original context and one for longer ones. ValueError for a kind that is not known.
    """
    if not rotation.is_known:
        raise ValueError(f"rotations of the kind {rotation.kind!r} are not known")
    steps = np.arange(0, rotation.dimensions, 2) / rotation.dimensions
    plain = rotation.base**-steps
    options = rotation.options
    if rotation.kind == "linear":
        return [Angles(plain / float(options["factor"]))]
    if rotation.kind == "llama3":
        return [Angles(_by_wavelength(plain, rotation))]
    if rotation.kind == "yarn":
        return [_yarn(plain, rotation, truncate=it) for it in (True, False)]
    if rotation.kind == "longrope":
        return _longrope(plain, rotation)
    return [Angles(plain)]


def _by_wavelength(plain: Floats, rotation: Rotation) -> Floats:
    options = rotation.options
    factor, low, high = (
        float(options[key]) for key in ("factor", "low_freq_factor", "high_freq_factor")
    )
    turns = rotation.original * plain / (2 * math.pi)
    smooth = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return np.asarray((1 - smooth) * plain / factor + smooth * plain)


def _yarn(plain: Floats, rotation: Rotation, *, truncate: bool) -> Angles:
    options, dimensions = rotation.options, rotation.dimensions
    factor = float(options["factor"])

    def bound(turns: float) -> float:
        ratio = math.log(rotation.original / (turns * 2 * math.pi))
        return dimensions * ratio / (2 * math.log(rotation.base))

    low = bound(float(options.get("beta_fast") or 32))
    high = bound(float(options.get("beta_slow") or 1))
    if truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dimensions - 1)
    ramp = (np.arange(len(plain)) - low) / (high - low or 0.001)
    kept = 1 - np.clip(ramp, 0.0, 1.0)
    return Angles(plain / factor * (1 - kept) + plain * kept, _yarn_factor(factor, options))


def _yarn_factor(factor: float, options: Mapping[str, Any]) -> float:
    if options.get("attention_factor") is not None:
        return float(options["attention_factor"])

    def size(weight: float) -> float:
        return 0.1 * weight * math.log(factor) + 1.0 if factor > 1 else 1.0

    weights = options.get("mscale"), options.get("mscale_all_dim")
    if all(weights):
        return size(float(weights[0] or 0)) / size(float(weights[1] or 0))
    return size(1.0)


def _longrope(plain: Floats, rotation: Rotation) -> list[Angles]:
    options, original = rotation.options, rotation.original
    ratio = rotation.context / original if original else float(options.get("factor") or 1)
    usual = math.sqrt(1 + math.log(ratio) / math.log(original)) if ratio > 1 else 1.0
    usual = float(options.get("attention_factor") or usual)
    found = []
    for which, positions in (("short", original), ("long", 0)):
        factors = np.asarray(options[f"{which}_factor"], np.float64)
        factor = float(options.get(f"{which}_mscale") or usual)
        found.append(Angles(plain / factors, factor, positions))
    return found


def cache_problems(caches: tuple[Cache, ...], rotation: Rotation, context: int) -> list[str]:
    """What is wrong with the caches that a layer turns by, one sentence each.

    `context` is the number of positions that the package allows. One cache is enough but for
    LongRoPE, whose caches must be one of each.
    """
    ways = angles(rotation)
    apart = rotation.kind == "longrope"
    problems, taken = [], list[Angles]()
    for cache in caches:
        found = [(_problem(cache, way, rotation, context), way) for way in ways if way not in taken]
        if not found:
            problems.append(f"{cache.name} is one cache more than the source's configuration has")
            continue
        problem, way = min(found, key=lambda it: it[0][0])
        taken += [way] if apart else []
        problems += [problem[1]] if problem[1] else []
    if apart and context > rotation.original and len(taken) < len(ways):
        names = ", ".join(cache.name for cache in caches)
        problems.append(f"{names} does not tell long prompts from short ones, as LongRoPE does")
    return problems


def _problem(cache: Cache, way: Angles, rotation: Rotation, context: int) -> tuple[int, str]:
    """How many positions are off, and the sentence; 0 and "" for none."""
    rows, pairs = cache.cosines.shape
    if pairs != len(way.frequencies):
        return rows, (
            f"{cache.name} turns {2 * pairs} dimensions of a head, {2 * len(way.frequencies)} by "
            "the source's configuration"
        )
    reach = min(way.positions or context, context)
    off, worst = _off(cache, way)
    if len(off):
        first, last = int(off[0]), int(off[-1])
        base = _base(cache, rotation)
        return len(off), (
            f"{cache.name} is off in {len(off):,} of {rows:,} positions ({first:,} to {last:,}), "
            f"by up to {worst:.2g}; it looks like a base of {base}, the source's is "
            f"{rotation.base:,.6g} ({rotation.kind})"
        )
    if rows < reach:
        return 1, f"{cache.name} has {rows:,} positions, and the context {reach:,}"
    return 0, ""


def _off(cache: Cache, way: Angles) -> tuple[NDArray[np.int64], float]:
    """Positions that are farther off than rounding explains, and by how much at most."""
    rows, worst, found = len(cache.cosines), 0.0, []
    store = cache.rounding * 2 * way.factor + 1e-7
    for first in range(0, rows, _AT_ONCE):
        turned = np.outer(np.arange(first, min(first + _AT_ONCE, rows)), way.frequencies)
        allowed = store + _ANGLE_ROUNDING * turned * way.factor
        for part, turn in ((cache.cosines, np.cos), (cache.sines, np.sin)):
            values = np.asarray(part[first : first + _AT_ONCE], np.float64)
            apart = np.nan_to_num(np.abs(values - way.factor * turn(turned)), nan=np.inf)
            bad = (apart > allowed).any(axis=1)
            if bad.any():
                found.append(first + np.flatnonzero(bad))
                worst = max(worst, float(apart[bad].max()))
    return (np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)), worst


def cache_difference(mine: Cache, theirs: Cache) -> str:
    """Where a cache is not another's, as far as both reach; "" where it is."""
    if mine.cosines.shape[1] != theirs.cosines.shape[1]:
        sizes = [2 * it.cosines.shape[1] for it in (mine, theirs)]
        return f"{mine.name} turns {sizes[0]} dimensions of a head, {sizes[1]} in the reference"
    rows = min(len(mine.cosines), len(theirs.cosines))
    allowed = 4 * max(mine.rounding, theirs.rounding) * float(np.abs(theirs.cosines[0]).max())
    off = np.zeros(rows, np.bool_)
    for one, other in ((mine.cosines, theirs.cosines), (mine.sines, theirs.sines)):
        apart = np.abs(one[:rows].astype(np.float64) - other[:rows].astype(np.float64))
        off |= ~(apart <= allowed).all(axis=1)
    places = np.flatnonzero(off)
    if not len(places):
        return ""
    return (
        f"{mine.name} is off in {len(places):,} of {rows:,} positions ({places[0]:,} to "
        f"{places[-1]:,}) from {theirs.name} of the reference"
    )


def _base(cache: Cache, rotation: Rotation) -> str:
    """The base that the slowest pair of position 1 was turned by, were nothing scaled."""
    pairs = cache.cosines.shape[1]
    if len(cache.cosines) < 2 or pairs < 2:
        return "nothing known"
    angle = math.atan2(float(cache.sines[1, -1]), float(cache.cosines[1, -1]))
    return f"{angle ** (-pairs / (pairs - 1)):,.6g}" if 0 < angle < 1 else "nothing known"
