"""Simulated times beside another variant: fresh pairs of processes until rules are decided."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.error_rates.case import REFERENCE, Case, answers_timed
from harness.error_rates.interim import outcome_of
from harness.error_rates.noise import NOISE
from harness.finding import Outcome
from harness.interim import of_twice
from harness.measurement import Measurement
from harness.policy import Rule
from harness.statistic import Statistic
from harness.stats import sequential

_Floats = NDArray[np.float64]

_LOADS = {"latency.load", "latency.load_again", "latency.opening"}
_LOADS_MORE = 4  # these seven are the suite's own
_ITSELF = 2
_UPTIME_DOUBLINGS = 2
_UPTIME_PROCESSES = 4
_LONG_EVERY = 8
_HUNDRED = 100
_DEVICE_PROCESSES = 2
_NORMAL_95 = 1.6449
_TAIL = 0.90  # a change of a quantile is one of all that lies beyond this


def ratio(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Pairs of processes until every rule on ratios of times is decided, and the reference's own.

    The change is in the case's figure; what other rules look at is clean.
    """
    if case.rule.metric in _LOADS:
        return [_loads(case, figure, random)]
    plan = case.policy.plan
    rules = [it for it in case.policy.rules if _is_beside(case, it)]
    rules.sort(key=lambda it: it is not case.rule)  # what is out of order is decided last
    taken: dict[str, list[_Floats]] = {rule.metric: [] for rule in rules}
    looks = sequential.look_sizes(plan.latency_processes)
    for count in range(1, plan.latency_processes + 1):
        for metric, logs in taken.items():
            true = figure if metric == case.rule.metric else 1.0
            logs.append(math.log(true) + _process(case, metric, random))
        is_look = count == plan.latency_least_processes or count in looks
        if (
            is_look
            and count >= plan.latency_least_processes
            and all(
                _is_decided(case, rule, _clustered(case, taken[rule.metric], rule.metric))
                for rule in rules
            )
        ):
            break
    metric = case.rule.metric
    size = _ITSELF * plan.latency_least_processes
    itself = _clustered(case, [_process(case, metric, random) for _ in range(size)], metric)
    floor = replace(itself, variant=REFERENCE, planned=0)
    return [_clustered(case, taken[metric], metric), floor]


def tail_ratio(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Times to first tokens or between tokens, of which the longest tenth is longer still."""
    plan = case.policy.plan
    answers = answers_timed(plan)
    is_gap = case.rule.metric.endswith("gap")
    size = NOISE.answer_tokens - 1 if is_gap else 1
    logs = _answer_levels(answers, random)[..., None] * NOISE.answer
    spread = NOISE.gap if is_gap else NOISE.within_pair / math.sqrt(2)
    logs = logs + random.normal(0, spread, (2, answers, size))
    processes = np.arange(answers) % plan.latency_least_processes
    logs[0] += random.normal(0, NOISE.between_processes, answers)[processes, None]
    mine, theirs = np.exp(logs).reshape(2, -1)
    mine = np.where(mine > np.quantile(mine, _TAIL), mine * figure, mine)
    return [case.sample(mine, theirs, tuple(str(it) for it in range(answers) for _ in range(size)))]


def drift(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Equal requests in a row, by process: longer where in doubt, and again where it is slower."""
    found: list[Measurement] = []
    for number in range(_UPTIME_PROCESSES):
        used = _used(case, math.log(figure), str(number), random)
        found.append(used)
        if _passes_for_sure(case, _joined(found)):
            break
    return [_joined(found)]


def _joined(found: Sequence[Measurement]) -> Measurement:
    return replace(
        found[0],
        values=tuple(value for it in found for value in it.values),
        reference_values=tuple(value for it in found for value in it.reference_values),
        clusters=tuple(name for it in found for name in it.clusters),
    )


def _passes_for_sure(case: Case, taken: Measurement) -> bool:
    rules = (case.rule, of_twice(case.rule))
    return all(outcome_of(case, rule, taken) is Outcome.PASS for rule in rules)


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


def _used(case: Case, per_hundred: float, name: str, random: np.random.Generator) -> Measurement:
    """One process in use, until the rule is decided of it."""
    size = case.policy.plan.latency_uptime_pairs
    noise = _chain(size * 2**_UPTIME_DOUBLINGS, random)
    for _ in range(_UPTIME_DOUBLINGS + 1):
        logs = per_hundred * np.arange(size) / (_HUNDRED - 1) + noise[:size]
        taken = replace(case.sample(np.exp(logs), np.ones(size)), clusters=(name,) * size)
        if _passes_for_sure(case, taken):
            break
        size *= 2
    return taken


def _loads(case: Case, figure: float, random: np.random.Generator) -> Measurement:
    """Loads of fresh processes, as many more as decide."""
    least = case.policy.plan.load_repetitions
    ratios = (figure * np.exp(random.normal(0, NOISE.load, _LOADS_MORE * least))).tolist()
    for count in range(least, len(ratios) + 1):
        names = tuple(str(number) for number in range(count))
        taken = replace(case.sample(ratios[:count], np.ones(count)), clusters=names)
        if _is_decided(case, case.rule, taken):
            break
    return taken


def _is_beside(case: Case, rule: Rule) -> bool:
    """Whether a rule is on what is timed beside whom the case's rule compares with."""
    return (
        rule.statistic is Statistic.RATIO
        and rule.versus is case.rule.versus
        and rule.suite == case.rule.suite
        and rule.metric not in _LOADS
    )


def _is_decided(case: Case, rule: Rule, taken: Measurement) -> bool:
    return outcome_of(case, rule, taken) is not Outcome.INCONCLUSIVE


def _process(case: Case, metric: str, random: np.random.Generator) -> _Floats:
    """Log ratios of one pair of processes."""
    pairs = case.policy.plan.latency_pairs
    if metric.endswith("late"):
        pairs = max(1, pairs // _LONG_EVERY)
    between = random.normal(0, NOISE.between_processes)
    return between + random.normal(0, NOISE.within_pair, pairs)


def _clustered(case: Case, logs: Sequence[_Floats], metric: str) -> Measurement:
    ratios = np.exp(np.concatenate(logs))
    names = tuple(str(number) for number, it in enumerate(logs) for _ in range(it.size))
    planned = case.policy.plan.latency_processes
    taken = case.sample(ratios, np.ones(ratios.size), planned=planned)
    return replace(taken, metric=metric, clusters=names)


def _answer_levels(answers: int, random: np.random.Generator) -> _Floats:
    shared = random.normal(size=answers) * math.sqrt(NOISE.shared_answer)
    own = random.normal(size=(2, answers)) * math.sqrt(1 - NOISE.shared_answer)
    return np.asarray(shared + own, float)


def _chain(size: int, random: np.random.Generator) -> _Floats:
    """The noise of pairs in a row: each one's own, and what lasts for many of them."""
    steps: Sequence[float] = random.normal(size=size).tolist()
    part, level, slow = math.sqrt(1 - NOISE.lasting**2), steps[0], [steps[0]]
    for step in steps[1:]:
        level = NOISE.lasting * level + part * step
        slow.append(level)
    own = random.normal(0, math.sqrt(1 - NOISE.slow_share), size)
    return NOISE.within_pair * (math.sqrt(NOISE.slow_share) * np.array(slow) + own)
