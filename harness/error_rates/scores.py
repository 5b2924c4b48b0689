"""A simulated exam: the accuracy suite's own trial, on items that are right or wrong by chance."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness.data_need import needs_of
from harness.error_rates.case import CANDIDATE, HERE, REFERENCE, Case
from harness.error_rates.means import changed
from harness.error_rates.noise import NOISE
from harness.finding import Outcome
from harness.item import Item
from harness.measurement import Measurement
from harness.metrics.quality import Grade
from harness.policy import Policy, Rule, Statistic
from harness.reply import Reply
from harness.trial import Marked, ask_until, fresh_items, missing_items
from harness.verdict import judge_measurements

_Floats = NDArray[np.float64]

_SUITE, _CORRECT, _VALID = "accuracy", "accuracy.correct", "accuracy.valid"


def exam(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """What the accuracy suite records of a bank, asked until every rule of the policy is decided.

    The change is in what the case's rule looks at; what other rules look at is clean.
    """
    plan, rules = case.policy.plan, [it for it in case.policy.rules if it.suite == _SUITE]
    bank = _bank(case, figure, random)
    bank = bank[: plan.accuracy_items or len(bank)]
    most = len(bank)
    rules.sort(key=lambda it: it is not case.rule)  # what is out of order is decided last
    marked = ask_until(
        lambda start, stop: bank[start:stop],
        lambda found: all(_is_decided(case, rule, found, most) for rule in rules),
        max([plan.accuracy_least_items, *(it.minimum_samples for it in rules)]),
        most,
    )
    if case.rule.statistic is not Statistic.WORST_SLICE:
        return [_measured(marked, most, case.rule.metric)]
    return [_by_slice(case, bank, marked)]


def _by_slice(case: Case, bank: Sequence[Marked], marked: Sequence[Marked]) -> Measurement:
    """With what rules need to see a loss of the size that they name, and more of the suspects."""
    items, known = [it.item for it in bank], {it.item.id: it for it in bank}
    needs = needs_of(case.policy.rules, case.precision, items)
    more = missing_items(items[: len(marked)], items[len(marked) :], needs)
    sized = [*marked, *(known[it.id] for it in more)]
    asked = {it.item.id for it in sized}
    fresh = fresh_items(sized, [it for it in items if it.id not in asked])
    every = [*sized, *(known[it.id] for it in fresh)]
    return replace(_measured(every, len(sized), _CORRECT), metric=case.rule.metric)


def _is_decided(case: Case, rule: Rule, found: Sequence[Marked], bank: int) -> bool:
    """As the trial of a session has it of all rules on scores and formats."""
    if rule.metric not in (_CORRECT, _VALID):
        return True
    policy = Policy("", (), (rule,))
    measured = (_measured(found, bank, rule.metric),)
    findings = judge_measurements(measured, CANDIDATE, case.evidence, policy)
    return all(it.outcome is not Outcome.INCONCLUSIVE for it in findings if it.decides)


def _bank(case: Case, figure: float, random: np.random.Generator) -> list[Marked]:
    """Items in random order with both sides' grades, of a bank like the noise's."""
    slices = np.repeat(np.arange(len(NOISE.slices)), NOISE.slices)
    random.shuffle(slices)
    statistic, metric = case.rule.statistic, case.rule.metric
    accuracy, loss, format_loss = NOISE.accuracy, 0.0, 0.0
    if statistic is Statistic.SCORE:
        accuracy = figure
    elif metric == _VALID:
        format_loss = -figure / 100
    elif statistic is not Statistic.WORST_SLICE:
        loss = -figure / 100
    right, was_right = changed(accuracy, NOISE.churn, -loss, slices.size, random)
    if statistic is Statistic.WORST_SLICE:
        place = slices == random.integers(len(NOISE.slices))
        right[place], was_right[place] = changed(
            accuracy, NOISE.churn, figure / 100, int(place.sum()), random
        )
    sides = changed(1.0 - NOISE.format_churn, NOISE.format_churn, -format_loss, slices.size, random)
    return _marked(slices.tolist(), (right, was_right), sides)


def _marked(
    slices: Sequence[int], scores: Sequence[_Floats], formats: Sequence[_Floats]
) -> list[Marked]:
    items = _items(len(slices))
    mine, theirs = (
        [_grade(bool(score), bool(valid)) for score, valid in zip(*side, strict=True)]
        for side in zip(scores, formats, strict=True)
    )
    return [
        Marked(items[part][number], _SILENT, _SILENT, grade, reference_grade)
        for number, (part, grade, reference_grade) in enumerate(
            zip(slices, mine, theirs, strict=True)
        )
    ]


_SILENT = Reply()


@cache
def _grade(is_right: bool, is_valid: bool) -> Grade:
    return Grade(float(is_right), is_valid)


@cache
def _items(count: int) -> list[list[Item]]:
    """Of every slice as many as there may be, by number."""
    return [
        [Item(str(number), (("user", "?"),), "!", slice=str(part)) for number in range(count)]
        for part in range(len(NOISE.slices))
    ]


def _measured(marked: Sequence[Marked], bank: int, metric: str) -> Measurement:
    """As the accuracy suite records scores, or whether formats are right."""
    sides = [it.grade for it in marked], [it.reference_grade for it in marked]
    mine, theirs = (
        tuple(it.score if metric == _CORRECT else float(it.is_valid is not False) for it in side)
        for side in sides
    )
    return Measurement(
        suite=_SUITE,
        metric=metric,
        variant=CANDIDATE,
        unit="share",
        values=mine,
        environment=HERE,
        reference_values=theirs,
        labels=tuple(it.item.slice for it in marked),
        beside=REFERENCE,
        planned=bank,
    )
