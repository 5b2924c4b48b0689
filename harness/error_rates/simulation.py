"""How often a rule passes, fails or is undecided when one truth is measured again and again."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from harness import estimate
from harness.bank import generator
from harness.error_rates import ladder, means, memory, scores, timing
from harness.error_rates.case import Case
from harness.finding import Outcome
from harness.measurement import Measurement
from harness.ruling import apply_rule
from harness.statistic import Statistic

Simulation = Callable[[Case, float, np.random.Generator], list[Measurement]]
"""What is measured once where the figure is true: the candidate's, and what belongs beside it."""

EXACT = (Statistic.TOTAL, Statistic.MAXIMUM, Statistic.MINIMUM, Statistic.PEAK_RATIO)
"""Figures without sampling error: they pass or fail by what was found."""

SIMULATED: dict[Statistic, Simulation] = {
    Statistic.MEAN: means.mean,
    Statistic.SHARE: means.share,
    Statistic.EXCESS: means.excess,
    Statistic.MEAN_RATIO: means.mean_ratio,
    Statistic.NEW_FAULTS: means.new_faults,
    Statistic.PERPLEXITY_RATIO: means.perplexity_ratio,
    Statistic.SCORE: scores.exam,
    Statistic.BEYOND_CHANCE: scores.exam,
    Statistic.SEQUENTIAL_GAIN: scores.exam,
    Statistic.WORST_SLICE: scores.exam,
    Statistic.RATIO: timing.ratio,
    Statistic.P95_RATIO: timing.tail_ratio,
    Statistic.P99_RATIO: timing.tail_ratio,
    Statistic.DRIFT: timing.drift,
    Statistic.P95_ORDER: timing.order,
    Statistic.P5_ORDER: timing.order,
    Statistic.P95_TOLERANCE: timing.tolerance,
    Statistic.WORST_CLIFF: ladder.cliff,
    Statistic.WORST_DECODE_CLIFF: ladder.cliff,
    Statistic.EXPONENT_GAIN: ladder.exponent,
    Statistic.CHANGE: ladder.change,
    Statistic.WORST_STEP: ladder.step,
    Statistic.WORST_EXCESS: ladder.divergence,
    Statistic.WORST_DROP: ladder.drop,
    Statistic.GROWTH: memory.growth,
}

NOT_SIMULATED = tuple(it for it in Statistic if it not in SIMULATED and it not in EXACT)
"""What no simulation knows; a rule that decides by it has no known error rates."""

_BY_ANSWERS = (Statistic.SHARE, Statistic.EXCESS)

_PART_OF_TRIALS = {
    Statistic.MEAN: 4,
    Statistic.MEAN_RATIO: 4,
    Statistic.PERPLEXITY_RATIO: 4,
    Statistic.SCORE: 10,
    Statistic.BEYOND_CHANCE: 10,
    Statistic.SEQUENTIAL_GAIN: 10,
    Statistic.WORST_SLICE: 10,
    Statistic.RATIO: 8,
    Statistic.P95_RATIO: 20,
    Statistic.P99_RATIO: 20,
    Statistic.DRIFT: 10,
    Statistic.WORST_CLIFF: 10,
    Statistic.WORST_DECODE_CLIFF: 10,
    Statistic.EXPONENT_GAIN: 4,
    Statistic.WORST_STEP: 4,
    Statistic.WORST_EXCESS: 4,
    Statistic.WORST_DROP: 8,
    Statistic.GROWTH: 10,
}
"""A trial of these takes 1 to 60 ms, so that one in so many is made."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Outcomes of so many trials; one trial of an exact rule says all."""

    trials: int
    go: int
    no_go: int
    is_exact: bool = False

    @property
    def inconclusive(self) -> int:
        """Trials that decided nothing."""
        return self.trials - self.go - self.no_go


def is_known(case: Case) -> bool:
    """Whether there is a simulation of what the case's rule judges."""
    statistic = case.rule.statistic
    if statistic in _BY_ANSWERS and not means.asked(case):
        return False
    return statistic in SIMULATED or statistic in EXACT


def simulate(case: Case, size: float, trials: int, seed: int) -> Rates:
    """The rule's outcomes over trials of a change of this size; the same for the same seed."""
    figure = case.figure(size)
    if case.rule.statistic in EXACT:
        return _counted([_outcome(case, [_exact(case, figure)])], is_exact=True)
    count = max(1, trials // _PART_OF_TRIALS.get(case.rule.statistic, 1))
    random = generator(seed, f"{case.name} {size}")
    take = SIMULATED[case.rule.statistic]
    return _counted([_outcome(case, take(case, figure, random)) for _ in range(count)])


def _exact(case: Case, figure: float) -> Measurement:
    values = [figure] * case.rule.minimum_samples
    if case.rule.statistic is Statistic.TOTAL:
        values = [figure] + [0.0] * (case.rule.minimum_samples - 1)
    is_ratio = case.rule.statistic is Statistic.PEAK_RATIO
    return case.sample(values, [1.0] * len(values) if is_ratio else ())


def _outcome(case: Case, measured: list[Measurement]) -> Outcome:
    """What the gate says of it, by its own code."""
    evidence = replace(case.evidence, measurements=tuple(measured))
    outcome = apply_rule(case.rule, measured[0], evidence).outcome
    estimate.estimate.cache_clear()  # it would keep every measurement
    return outcome


def _counted(outcomes: list[Outcome], is_exact: bool = False) -> Rates:
    found = Counter(outcomes)
    return Rates(len(outcomes), found[Outcome.PASS], found[Outcome.FAIL], is_exact)
