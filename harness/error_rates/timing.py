"""Simulated times beside another variant's: pairs until decided, loads, gaps and drifts."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.answer import Answer
from harness.error_rates.case import REFERENCE, Case
from harness.error_rates.noise import NOISE
from harness.measurement import Measurement
from harness.pairing import (
    Pair,
    PairedRun,
    Series,
    Size,
    Watch,
    run_beside_itself,
    run_until_decided,
    sides,
)
from harness.policy import Statistic

_Floats = NDArray[np.float64]

_MS = 1e6
_TTFT_MS, _ITL_MS = 5.0, 0.5
_DEVICE_PROCESSES = 2  # the suite's own
_NORMAL_95 = 1.6449
_TAIL = 0.90  # a change of the 95 % quantile is one of all gaps beyond this

_SERIES: Series = {
    "ttft": lambda answers: [(it.token_ns[0] - it.started_ns) / _MS for it in answers],
    "itl": lambda answers: [
        (it.token_ns[-1] - it.token_ns[0]) / (NOISE.answer_tokens - 1) / _MS for it in answers
    ],
    "total": lambda answers: [(it.ended_ns - it.started_ns) / _MS for it in answers],
}


def ratio(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Pairs until every rule on ratios is decided, and the reference beside itself."""
    name = case.rule.metric.partition(".")[2]
    if name not in _SERIES:
        return [_loads(case, figure, random)]
    plan = case.policy.plan
    size = Size(plan.latency_warmup_pairs, plan.latency_least_pairs, plan.latency_pairs)
    watches = _watches(case)
    mine = run_until_decided(_asking({name: figure}, random), _SERIES, watches, size)
    itself = run_beside_itself(_asking({}, random), _SERIES, watches, size)
    floor = replace(_timed(case, name, itself), variant=REFERENCE)
    return [_timed(case, name, mine), floor]


def tail_ratio(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Times between tokens, of which the longest tenth is longer still."""
    answers, size = case.policy.plan.latency_least_pairs, NOISE.answer_tokens - 1
    logs = _answer_levels(answers, random)[..., None] * NOISE.answer
    logs = logs + random.normal(0, NOISE.gap, (2, answers, size))
    logs[0] += random.normal(0, NOISE.between_processes)
    mine, theirs = np.exp(logs).reshape(2, -1)
    mine = np.where(mine > np.quantile(mine, _TAIL), mine * figure, mine)
    return [case.sample(mine, theirs, tuple(str(it) for it in range(answers) for _ in range(size)))]


def drift(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Ratios in a row that go together a little, and rise to the figure over the run."""
    pairs = case.policy.plan.latency_least_pairs
    logs = np.linspace(0, math.log(figure), pairs) + _chain(pairs, random)
    return [case.sample(np.exp(logs), np.ones(pairs))]


def order(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Times or rates of answers in some processes, of which the quantile is the figure."""
    answers = case.policy.plan.device_answers // _DEVICE_PROCESSES
    logs = random.normal(0, NOISE.between_processes, (_DEVICE_PROCESSES, 1))
    logs = logs + random.normal(0, NOISE.one_answer, (_DEVICE_PROCESSES, answers))
    return [case.sample(_centred(case, figure, logs, NOISE.one_answer).ravel())]


def tolerance(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Loads of fresh processes, of which the quantile is the figure."""
    logs = random.normal(0, NOISE.one_load, case.policy.plan.load_repetitions)
    return [case.sample(_centred(case, figure, logs, NOISE.one_load))]


def _centred(case: Case, figure: float, logs: _Floats, within: float) -> _Floats:
    """Values whose true 95 % or 5 % quantile is the figure."""
    between = 0.0 if logs.ndim == 1 else NOISE.between_processes
    reach = _NORMAL_95 * math.hypot(within, between)
    is_low = case.rule.statistic is Statistic.P5_ORDER
    return np.asarray(figure * np.exp(logs + (reach if is_low else -reach)), float)


def _loads(case: Case, figure: float, random: np.random.Generator) -> Measurement:
    pairs = case.policy.plan.load_repetitions
    ratios = figure * np.exp(random.normal(0, NOISE.load, pairs))
    return case.sample(ratios, np.ones(pairs))


def _watches(case: Case) -> list[Watch]:
    """As a bench has them for whom the case's rule compares with."""
    return [
        Watch(name, limit.value, rule.confidence)
        for rule in case.policy.rules
        for name in _SERIES
        if rule.statistic is Statistic.RATIO and rule.versus is case.rule.versus
        if rule.metric == f"latency.{name}" and (limit := rule.limit(case.precision))
    ]


def _timed(case: Case, name: str, run: PairedRun) -> Measurement:
    mine, theirs = sides(run.pairs, _SERIES[name])
    warm = sides(run.warmups, _SERIES[name])
    return replace(
        case.sample(mine, theirs, planned=run.planned.get(name, 0)),
        warmups=tuple(warm[0].tolist()),
        reference_warmups=tuple(warm[1].tolist()),
    )


def _asking(figures: dict[str, float], random: np.random.Generator) -> Callable[[], Pair]:
    """Two processes' answers: their ratios differ from the figure once, and in every pair."""
    between = {name: random.normal(0, NOISE.between_processes) for name in ("ttft", "itl")}
    level = {name: math.log(figures.get(name, 1.0)) + between[name] for name in between}
    whole = figures.get("total")
    if whole is not None:
        level = {name: math.log(whole) + it for name, it in between.items()}
    spread = NOISE.within_pair / math.sqrt(2)

    def ask() -> Pair:
        noise = random.normal(0, spread, (2, 2))
        return (
            _answer(level["ttft"] + noise[0, 0], level["itl"] + noise[0, 1]),
            _answer(noise[1, 0], noise[1, 1]),
        )

    return ask


def _answer(ttft: float, itl: float) -> Answer:
    """Only the stamps that the series read, in ns."""
    first = _TTFT_MS * _MS * math.exp(ttft)
    last = first + _ITL_MS * _MS * math.exp(itl) * (NOISE.answer_tokens - 1)
    return Answer(token_ns=np.array([first, last]).astype(np.int64), ended_ns=int(last))


def _answer_levels(answers: int, random: np.random.Generator) -> _Floats:
    shared = random.normal(size=answers) * math.sqrt(NOISE.shared_answer)
    own = random.normal(size=(2, answers)) * math.sqrt(1 - NOISE.shared_answer)
    return np.asarray(shared + own, float)


def _chain(size: int, random: np.random.Generator) -> _Floats:
    """A first-order autoregression with the noise of one pair."""
    steps: Sequence[float] = random.normal(size=size).tolist()
    part, level, found = math.sqrt(1 - NOISE.autocorrelation**2), steps[0], [steps[0]]
    for step in steps[1:]:
        level = NOISE.autocorrelation * level + part * step
        found.append(level)
    return NOISE.within_pair * np.array(found)
