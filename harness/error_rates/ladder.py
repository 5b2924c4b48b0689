"""A simulated ladder of prompt lengths: times, distances of logits, divergence and agreement."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.error_rates.case import Case
from harness.error_rates.interim import outcome_of
from harness.error_rates.noise import NOISE
from harness.finding import Outcome
from harness.measurement import Measurement
from harness.metrics.scaling import SHORTEST, ladder
from harness.policy import Plan
from harness.stats.cliffs import DECODE_TOLERANCE, TOLERANCE, suspects
from harness.stats.rungs import rung_label
from harness.stats.scaling import AFTER, BEFORE

_Floats = NDArray[np.float64]

_CHEAP_TOKENS = 257  # these four are the climb's own
_AGAIN = 10
_CHEAPER = 4
_SHORT = 20
_TURNS = (64, 128)  # tokens from where on a ratio rises less, and falls
_LOGITS_TURN = 512  # and from where on the distance of logits grows


def cliff(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Times up the ladder, dearer from one length on; what is suspected is taken again."""
    lengths = rungs(case.policy.plan)
    levels = _curve(case, lengths) + _from_somewhere(math.log(figure), lengths, random)
    return [_measured_on(case, dict(zip(lengths, levels.tolist(), strict=True)), random)]


def exponent(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Times whose ratio to the reference's grows with a power of length."""
    levels = {it: figure * math.log(it) for it in rungs(case.policy.plan)}
    return [_measured_on(case, levels, random)]


def change(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Short requests before and after long ones, in new processes again while that is in doubt."""
    taken = _Taken(case)
    for turn in range(case.policy.plan.scaling_turns + 1):
        at = random.normal(0, NOISE.between_processes)
        logs = at + random.normal(0, NOISE.short, 2 * _SHORT)
        logs[_SHORT:] += math.log(figure) + random.normal(0, NOISE.short_process)
        taken.add(logs.tolist(), [BEFORE] * _SHORT + [AFTER] * _SHORT, turn)
        if taken.is_decided:
            break
    return [taken.measurement]


class _Taken:
    """Log ratios with their labels, and the turn that each was taken in."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._logs: list[float] = []
        self._labels: list[str] = []
        self._turns: list[str] = []

    def add(self, logs: Sequence[float], labels: Sequence[str], turn: int) -> None:
        """What one turn took."""
        self._logs += logs
        self._labels += labels
        self._turns += [str(turn)] * len(logs)

    @property
    def is_decode(self) -> bool:
        """Whether times between tokens are what is taken."""
        return self._case.rule.metric.endswith("itl")

    @property
    def measurement(self) -> Measurement:
        """All of it as the suite records it."""
        ratios = np.exp(self._logs)
        found = self._case.sample(ratios, np.ones(ratios.size), tuple(self._labels))
        return replace(found, clusters=tuple(self._turns))

    @property
    def is_decided(self) -> bool:
        """Whether the rule leaves nothing in doubt."""
        found = outcome_of(self._case, self._case.rule, self.measurement)
        return found is not Outcome.INCONCLUSIVE


def _measured_on(
    case: Case, levels: Mapping[int, float], random: np.random.Generator
) -> Measurement:
    """Every length; then suspects of a cliff, or every length, as long as that is in doubt."""
    taken, plan = _Taken(case), case.policy.plan
    _take(taken, levels, _counts(plan, tuple(levels)), random)
    for turn in range(plan.scaling_turns):
        doubtful = _suspects(taken.measurement)
        if taken.is_decided and not (turn == 0 and doubtful):
            break
        chosen = doubtful or tuple(levels)
        again = {it: levels[it] for it in chosen}
        counts = {it: _AGAIN * (_CHEAPER if it <= _CHEAP_TOKENS else 1) for it in chosen}
        _take(taken, again, counts, random, turn + 1, bool(doubtful))
    return taken.measurement


def _take(
    taken: _Taken,
    levels: Mapping[int, float],
    counts: Mapping[int, int],
    random: np.random.Generator,
    turn: int = 0,
    is_again: bool = False,
) -> None:
    """Some lengths in one pair of processes, which has its own ratio at each."""
    spread = NOISE.rung_itl if taken.is_decode else NOISE.rung_ttft
    for length, level in levels.items():
        at = level + random.normal(0, NOISE.between_processes)
        logs = at + random.normal(0, spread, counts[length])
        taken.add(logs.tolist(), [rung_label(length, is_again)] * counts[length], turn)


def _suspects(found: Measurement) -> tuple[int, ...]:
    tolerance = DECODE_TOLERANCE if found.metric.endswith("itl") else TOLERANCE
    return suspects(found.values, found.reference_values, found.labels, tolerance)


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
    slopes = NOISE.itl_slope if is_decode else NOISE.ttft_slope
    doublings = np.log2(np.array(lengths) / SHORTEST)
    turns = [0.0, *np.log2(np.array(_TURNS) / SHORTEST), math.inf]
    parts = [np.clip(doublings - start, 0, end - start) for start, end in pairwise(turns)]
    risen: _Floats = np.asarray(slopes) @ np.array(parts)
    return risen


def _counts(plan: Plan, lengths: tuple[int, ...]) -> dict[int, int]:
    few = plan.scaling_repetitions
    return {it: few * (2 if it <= _CHEAP_TOKENS else 1) for it in lengths}


def _positions(case: Case, at: Callable[[int], _Floats]) -> _Floats:
    return at(NOISE.positions * case.policy.plan.scaling_texts)


@cache
def _by_position(lengths: tuple[int, ...], positions: int) -> tuple[str, ...]:
    return tuple(rung_label(it) for it in lengths for _ in range(positions))
