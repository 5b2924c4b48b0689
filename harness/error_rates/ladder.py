"""A simulated ladder of prompt lengths: times, distances of logits, divergence and agreement."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness.error_rates.case import Case
from harness.error_rates.noise import NOISE
from harness.measurement import Measurement
from harness.metrics.scaling import SHORTEST, ladder
from harness.policy import Plan, Statistic
from harness.stats.cliffs import DECODE_TOLERANCE, TOLERANCE, suspects
from harness.stats.rungs import rung_label
from harness.stats.scaling import AFTER, BEFORE

_Floats = NDArray[np.float64]

_CHEAP_TOKENS = 257  # these three are the climb's own
_AGAIN = 10
_SHORT = 20
_TURN = 128  # tokens from where on a ratio falls with length
_LOGITS_TURN = 512  # and from where on the distance of logits grows


def cliff(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Times up the ladder, dearer from one length on; what is suspected is taken again."""
    lengths, plan = rungs(case.policy.plan), case.policy.plan
    levels = _curve(case, lengths) + _from_somewhere(math.log(figure), lengths, random)
    spread = NOISE.rung_itl if case.rule.metric.endswith("itl") else NOISE.rung_ttft
    counts = _counts(plan, lengths)
    logs, labels = _times(lengths, levels, counts, spread, random), _labels(lengths, counts)
    is_decode = case.rule.statistic is Statistic.WORST_DECODE_CLIFF
    tolerance = DECODE_TOLERANCE if is_decode else TOLERANCE
    doubtful = suspects(np.exp(logs), np.ones(logs.size), labels, tolerance)
    if doubtful:
        at = [lengths.index(it) for it in doubtful]
        again = dict.fromkeys(doubtful, _AGAIN)
        logs = np.concatenate([logs, _times(doubtful, levels[at], again, spread, random)])
        labels += _labels(doubtful, again, is_again=True)
    return [case.sample(np.exp(logs), np.ones(logs.size), labels)]


def exponent(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Times whose ratio to the reference's grows with a power of length."""
    lengths, plan = rungs(case.policy.plan), case.policy.plan
    levels, counts = figure * np.log(lengths), _counts(plan, lengths)
    logs = _times(lengths, levels, counts, NOISE.rung_ttft, random)
    return [case.sample(np.exp(logs), np.ones(logs.size), _labels(lengths, counts))]


def change(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Short requests before and after long ones."""
    logs = random.normal(0, NOISE.short, 2 * _SHORT)
    logs[_SHORT:] += math.log(figure)
    labels = (BEFORE,) * _SHORT + (AFTER,) * _SHORT
    return [case.sample(np.exp(logs), np.ones(logs.size), labels)]


def step(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Relative errors of the same positions at every length, larger from one length on."""
    lengths = rungs(case.policy.plan)
    grown = NOISE.logit_slope * np.maximum(np.log2(np.array(lengths) / _LOGITS_TURN), 0)
    levels = math.log(0.1) + grown + _from_somewhere(math.log(figure), lengths, random)

    def at(positions: int) -> _Floats:
        own = random.normal(0, NOISE.logit_position, positions)
        return own + random.normal(0, NOISE.logit_length, (len(lengths), positions))

    values = np.exp(levels[:, None] + _positions(case, at))
    return [
        case.sample(values.ravel(), np.ones(values.size), _by_position(lengths, values.shape[1]))
    ]


def divergence(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """KLD by position and length, whose mean grows a little with length, and once by much."""
    lengths = rungs(case.policy.plan)
    grown = NOISE.kld_doublings * np.log(np.array(lengths) / SHORTEST)
    somewhere = _from_somewhere(1.0, lengths, random) > 0
    mean = 0.08 * np.exp(np.where(somewhere & (figure > 1), math.log(figure), grown))
    spread = math.sqrt(math.log1p(NOISE.kld_spread**2))

    def at(positions: int) -> _Floats:
        return random.normal(-(spread**2) / 2, spread, (len(lengths), positions))

    values = mean[:, None] * np.exp(_positions(case, at))
    return [case.sample(values.ravel(), (), _by_position(lengths, values.shape[1]))]


def drop(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Whether the most probable token is the reference's, more seldom from one length on."""
    lengths = rungs(case.policy.plan)
    likely = NOISE.top1 + _from_somewhere(figure / 100, lengths, random)

    def at(positions: int) -> _Floats:
        return random.random((len(lengths), positions))

    values = (_positions(case, at) < likely[:, None]).astype(float)
    return [case.sample(values.ravel(), (), _by_position(lengths, values.shape[1]))]


def rungs(plan: Plan) -> tuple[int, ...]:
    """The ladder's lengths by the plan."""
    return ladder(min(NOISE.longest_prompt, plan.scaling_longest_tokens or NOISE.longest_prompt))


def _from_somewhere(
    change: float, lengths: tuple[int, ...], random: np.random.Generator
) -> _Floats:
    """The change from a length on that is drawn, the shortest never among them."""
    start = int(random.integers(1, len(lengths)))
    return np.where(np.arange(len(lengths)) >= start, change, 0.0)


def _curve(case: Case, lengths: tuple[int, ...]) -> _Floats:
    """Log ratios of a clean variant, which rise to some length and fall from there on."""
    is_decode = case.rule.metric.endswith("itl")
    rise, fall = NOISE.itl_slope if is_decode else NOISE.ttft_slope
    doublings = np.log2(np.array(lengths) / SHORTEST)
    turn = math.log2(_TURN / SHORTEST)
    return np.asarray(rise * np.minimum(doublings, turn) + fall * np.maximum(doublings - turn, 0))


def _counts(plan: Plan, lengths: tuple[int, ...]) -> dict[int, int]:
    few = plan.scaling_repetitions
    return {it: few * (2 if it <= _CHEAP_TOKENS else 1) for it in lengths}


def _times(
    lengths: tuple[int, ...],
    levels: _Floats,
    counts: dict[int, int],
    spread: float,
    random: np.random.Generator,
) -> _Floats:
    each = [counts[it] for it in lengths]
    return np.repeat(levels, each) + random.normal(0, spread, sum(each))


def _labels(
    lengths: tuple[int, ...], counts: dict[int, int], is_again: bool = False
) -> tuple[str, ...]:
    return tuple(rung_label(it, is_again) for it in lengths for _ in range(counts[it]))


def _positions(case: Case, at: Callable[[int], _Floats]) -> _Floats:
    return at(NOISE.positions * case.policy.plan.scaling_texts)


@cache
def _by_position(lengths: tuple[int, ...], positions: int) -> tuple[str, ...]:
    return tuple(rung_label(it) for it in lengths for _ in range(positions))
