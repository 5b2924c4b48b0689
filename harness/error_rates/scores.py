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
from harness.policy import Policy, Rule
from harness.reply import Reply
from harness.statistic import Statistic
from harness.trial import Marked, ask_until, fresh_items, missing_items
from harness.verdict import judge_measurements

_Floats = NDArray[np.float64]

_SUITE, _CORRECT, _VALID = "accuracy", "accuracy.correct", "accuracy.valid"
_BY_CHANCE = "accuracy.by_chance"


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
    if rule.metric not in (_CORRECT, _VALID, _BY_CHANCE):
        return True
    policy = Policy("", (), (rule,))
    measured = (_measured(found, bank, rule.metric),)
    findings = judge_measurements(measured, CANDIDATE, case.evidence, policy)
    return all(it.outcome is not Outcome.INCONCLUSIVE for it in findings if it.decides)


def _bank(case: Case, figure: float, random: np.random.Generator) -> list[Marked]:
    """Items in random order with both sides' grades, of a bank like the noise's."""
    slices = np.repeat(np.arange(len(NOISE.slices)), NOISE.slices)
    random.shuffle(slices)
    chances = np.zeros(slices.size)
    if case.rule.statistic is Statistic.BEYOND_CHANCE:
        chances = random.choice(NOISE.chances, slices.size)
        scores = _beyond(figure / 100, chances, random)
    else:
        scores = _scores(case, figure, slices, random)
    format_loss = -figure / 100 if case.rule.metric == _VALID else 0.0
    sides = changed(1.0 - NOISE.format_churn, NOISE.format_churn, -format_loss, slices.size, random)
    return _marked(slices.tolist(), chances.tolist(), scores, sides)


def _scores(
    case: Case, figure: float, slices: NDArray[np.int64], random: np.random.Generator
) -> tuple[_Floats, _Floats]:
    """Of both sides, where no answer is right by chance."""
    statistic, accuracy, loss = case.rule.statistic, NOISE.accuracy, 0.0
    if statistic is Statistic.SCORE:
        accuracy = figure
    elif case.rule.metric != _VALID and statistic is not Statistic.WORST_SLICE:
        loss = -figure / 100
    right, was_right = changed(accuracy, NOISE.churn, -loss, slices.size, random)
    if statistic is Statistic.WORST_SLICE:
        place = slices == random.integers(len(NOISE.slices))
        right[place], was_right[place] = changed(
            accuracy, NOISE.churn, figure / 100, int(place.sum()), random
        )
    return right, was_right


def _beyond(skill: float, chances: _Floats, random: np.random.Generator) -> tuple[_Floats, _Floats]:
    """Of both sides alike, so much more often right than a guess whatever its chance is."""
    right, was_right = np.empty(chances.size), np.empty(chances.size)
    for chance in NOISE.chances:
        place = chances == chance
        right[place], was_right[place] = changed(
            chance + skill, NOISE.churn, 0.0, int(place.sum()), random
        )
    return right, was_right


def _marked(
    slices: Sequence[int],
    chances: Sequence[float],
    scores: Sequence[_Floats],
    formats: Sequence[_Floats],
) -> list[Marked]:
    mine, theirs = (
        [_grade(bool(score), bool(valid)) for score, valid in zip(*side, strict=True)]
        for side in zip(scores, formats, strict=True)
    )
    return [
        Marked(_item(number, part, chance), _SILENT, _SILENT, grade, reference_grade)
        for number, (part, chance, grade, reference_grade) in enumerate(
            zip(slices, chances, mine, theirs, strict=True)
        )
    ]


_SILENT = Reply()


@cache
def _grade(is_right: bool, is_valid: bool) -> Grade:
    return Grade(float(is_right), is_valid)


@cache
def _item(number: int, part: int, chance: float) -> Item:
    return Item(str(number), (("user", "?"),), "!", slice=str(part), chance=chance)


def _measured(marked: Sequence[Marked], bank: int, metric: str) -> Measurement:
    """As the accuracy suite records scores, by slice or chance, or whether formats are right."""
    sides = [it.grade for it in marked], [it.reference_grade for it in marked]
    mine, theirs = (
        tuple(float(it.is_valid is not False) if metric == _VALID else it.score for it in side)
        for side in sides
    )
    return Measurement(
        suite=_SUITE,
        metric=metric,
        variant=CANDIDATE,
        unit="share",
        values=mine,
        environment=HERE,
        reference_values=() if metric == _BY_CHANCE else theirs,
        labels=tuple(
            repr(it.item.chance_level) if metric == _BY_CHANCE else it.item.slice for it in marked
        ),
        beside="" if metric == _BY_CHANCE else REFERENCE,
        planned=bank,
    )
