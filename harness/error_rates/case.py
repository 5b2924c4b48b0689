"""What is simulated: a rule with one of its limits, and a change of a stated size."""

import math
from dataclasses import dataclass

import numpy as np

from harness.device import Device
from harness.error_rates.noise import NOISE
from harness.evidence import Evidence, Subject
from harness.finding import RATIOS
from harness.measurement import Measurement
from harness.policy import Limit, Plan, Policy, Rule, Severity
from harness.release import Precision, Role
from harness.statistic import PAIRED, Statistic
from harness.stats.intervals import Sample

NO_CHANGE = 0.0
SIZES = (NO_CHANGE, 1.0, 1.5, 2.0, 3.0)
"""No change, a change on the limit, and so many times beyond."""

REFERENCE, CANDIDATE, HERE = "reference", "candidate", "here"

_VIOLATIONS = {NO_CHANGE: 0.0, 1.0: 0.0, 1.5: 1.0, 2.0: 2.0, 3.0: 3.0}
"""Where nothing may be wrong: one, two and three things that are, for 1.5, 2 and 3 times beyond."""

DIFFERENCES = (
    Statistic.GAIN,
    Statistic.SEQUENTIAL_GAIN,
    Statistic.WORST_SLICE,
    Statistic.WORST_DROP,
    Statistic.EXCESS,
    Statistic.EXPONENT_GAIN,
    Statistic.GROWTH,
    Statistic.NEW_FAULTS,
)
"""Differences from the reference, or from nothing: the limit times the size."""

_CLEAN = {
    "accuracy.correct": NOISE.accuracy,
    "accuracy.degenerate": NOISE.degenerate,
    "precision.kld": NOISE.clean_kld,
    "precision.text_kld": NOISE.clean_kld,
    "precision.top1": NOISE.clean_top1,
    "precision.text_top1": NOISE.clean_top1,
    "precision.source_logits": NOISE.source_logits,
    "memory.given_back": NOISE.given_back,
}
"""What a clean build measures, where that is neither 1 nor 0 of the rule's own accord."""


@dataclass(frozen=True, slots=True)
class Case:
    """A deciding rule of a policy with the limit for one precision, or the general one.

    `device` is whose budgets count, `floor` the share of right answers that the release states.
    """

    policy: Policy
    rule: Rule
    device: Device | None = None
    precision: Precision | None = None
    floor: float | None = None

    @property
    def name(self) -> str:
        """The rule's id, and the precision whose limit it is."""
        return f"{self.rule.id} ({self.precision})" if self.precision else self.rule.id

    @property
    def limit(self) -> Limit:
        """The limit that is judged by."""
        limit = self.rule.limit(self.precision, self.device)
        assert limit is not None
        return limit

    @property
    def evidence(self) -> Evidence:
        """Of a session with nothing but a candidate and its reference."""
        roles = {REFERENCE: Role.REFERENCE, CANDIDATE: Role.CANDIDATE}
        subjects = {name: Subject(role, self.precision) for name, role in roles.items()}
        return Evidence("", subjects, HERE, device=self.device, floor=self.floor)

    def figure(self, size: float) -> float:
        """What is true of the candidate, of a size in `SIZES`."""
        limit, statistic = self.limit.value, self.rule.statistic
        if statistic in (Statistic.TOTAL, Statistic.MAXIMUM) and limit == 0:
            return _VIOLATIONS[size]
        if statistic is Statistic.MINIMUM:  # of what is right or not
            return limit if size <= 1 else 0.0
        if self.rule.budget is not None:
            return self._of_budget(size)
        if statistic is Statistic.BEYOND_CHANCE:  # from a clean build to the limit, and beyond
            return limit + (1 - size) * (100 * NOISE.beyond_chance - limit)
        if size == NO_CHANGE:
            return self._clean
        if statistic in RATIOS:  # its log times the size
            return math.pow(limit, size)
        if statistic in DIFFERENCES or self.limit.at_most is not None:
            return min(limit * size, 1.0) if statistic is Statistic.SHARE else limit * size
        return max(0.0, 1 - size * (1 - limit))

    def _of_budget(self, size: float) -> float:
        """What is clean takes a part of its budget; rates must be high, all else low."""
        times = NOISE.of_budget if size == NO_CHANGE else size
        limit = self.limit
        return limit.value * times if limit.at_most is not None else limit.value / times

    @property
    def _clean(self) -> float:
        if self.rule.statistic in RATIOS:
            return 1.0
        if self.rule.statistic in DIFFERENCES:
            return 0.0
        return _CLEAN.get(self.rule.metric, 0.0 if self.limit.at_most is not None else 1.0)

    def sample(
        self,
        values: Sample,
        references: Sample = (),
        labels: tuple[str, ...] = (),
        planned: int = 0,
    ) -> Measurement:
        """Values of the rule's metric as a suite records them."""
        return Measurement(
            suite=self.rule.suite,
            metric=self.rule.metric,
            variant=CANDIDATE,
            unit="",
            values=tuple(np.asarray(values, float).tolist()),
            environment=HERE,
            reference_values=tuple(np.asarray(references, float).tolist()),
            labels=labels,
            beside=REFERENCE if self.rule.statistic in PAIRED else "",
            planned=planned,
        )


def answers_timed(plan: Plan) -> int:
    """Answers of each side that are timed at least, in fresh processes and in one in use."""
    return plan.latency_least_processes * plan.latency_pairs + plan.latency_uptime_pairs


def cases(policy: Policy, device: Device | None = None, floor: float | None = None) -> list[Case]:
    """Every deciding rule that is not waived, with its general limit and those by precision.

    Without a device no budget decides, and without a floor no share of right answers. A bank whose
    answers are right by chance has none.
    """
    rules = [it.on(device, floor) for it in policy.rules]
    deciding = [it for it in rules if it.severity is not Severity.INFO and not it.waived]
    return [
        Case(
            policy,
            rule,
            device,
            precision,
            None if rule.statistic is Statistic.BEYOND_CHANCE else floor,
        )
        for rule in deciding
        for precision in (None, *rule.precision)
    ]


def waived(policy: Policy) -> list[str]:
    """Rules that would decide, and are accepted whatever they say."""
    return [it.id for it in policy.rules if it.severity is not Severity.INFO and it.waived]
