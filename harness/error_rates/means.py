"""Simulated means: divergence, agreement and likelihood by token, and shares of answers."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from harness.error_rates.case import Case, answers_timed
from harness.error_rates.noise import NOISE
from harness.exam_ruling import least_faults
from harness.measurement import Measurement
from harness.policy import Limit, Plan
from harness.stats.sizing import items_needed

_Floats = NDArray[np.float64]

_REPEATED = 32  # chats, the suite's own number
_UNLABELLED = {"memory.given_back"}
_LENGTHS = {"accuracy.tokens"}
_SHARES = {"precision.top1", "precision.text_top1"}
_POINTS = {"precision.top1_to_control", "precision.text_top1_to_control"}


def mean(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Tokens of as many answers as the plan asks for, or one value a reload."""
    metric = case.rule.metric
    if metric in _UNLABELLED:
        return [_reloads(case, figure, random)]
    answers, size = _answers(case), NOISE.answer_positions
    if metric in _SHARES:
        values = _agreement(figure, answers, random)
    elif metric in _POINTS:
        lost = 1 - NOISE.clean_top1
        mine, control = changed(lost, 2 * lost, figure / 100, answers * size, random)
        values = 100 * (mine - control)
    else:
        is_logits = metric == "precision.source_logits"
        spread = NOISE.source_logits_spread if is_logits else NOISE.kld_spread
        values = figure * _lognormal(spread, answers, random)
    return [case.sample(values, labels=_labels(answers, size))]


def mean_ratio(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Roots of divergences of a candidate and of its control, at the same positions; or lengths of
    answers.
    """
    if case.rule.metric in _LENGTHS:
        return [_lengths(case, figure, random)]
    answers, size = _answers(case), NOISE.answer_positions
    spread = math.sqrt((1 + NOISE.kld_spread**2) ** 0.25 - 1)  # a root's log is half as wide
    mine, control = (_lognormal(spread, answers, random) for _ in range(2))
    return [case.sample(figure * mine, control, _labels(answers, size))]


def new_faults(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """As many items as show the loss that the rule names, else as many as there are timed answers;
    each can have the fault.
    """
    count = answers_timed(case.policy.plan)
    if case.rule.seen_loss:
        count = _items_asked(case.limit, case.rule.seen_loss, case.rule.power)
    mine, theirs = changed(0.0, 0.0, figure / 100, count, random)
    return [case.sample(mine, theirs, _labels(count, 1))]


@cache
def _items_asked(limit: Limit, seen_loss: float, power: float) -> int:
    return items_needed(least_faults(limit), seen_loss / 100, power)


def perplexity_ratio(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Differences of log-likelihoods, of which a part is the answer's."""
    answers, size = _answers(case), NOISE.answer_positions
    own, shared = math.sqrt(1 - NOISE.together), math.sqrt(NOISE.together)
    apart = own * random.normal(size=(answers, size)) + shared * random.normal(size=(answers, 1))
    lost = (math.log(figure) + NOISE.log_likelihood * apart).ravel()
    return [case.sample(-lost, np.zeros(lost.size), _labels(answers, size))]


def excess(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Faulty answers of both sides to what a suite asks."""
    base, churn = _faults(case.rule.metric)
    mine, theirs = changed(base, churn, figure / 100, asked(case), random)
    return [case.sample(mine, theirs)]


def _faults(metric: str) -> tuple[float, float]:
    """The share of the reference's answers that are faulty, and of what changes."""
    if metric == "foundry.default_loss":
        return 1 - NOISE.accuracy, NOISE.churn
    if metric == "edge_cases.degenerate":
        return NOISE.odd_degenerate, NOISE.odd_degenerate_churn
    return NOISE.degenerate, NOISE.degenerate_churn


def share(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Independent answers of which a share is degenerate."""
    return [case.sample((random.random(asked(case)) < figure).astype(float))]


def asked(case: Case) -> int:
    """How many answers a suite takes by the plan, where nothing needs more to be decided.

    0 for a metric that no simulation knows.
    """
    plan = case.policy.plan
    return {
        "accuracy.degenerate": _least_items(plan),
        "contracts.degenerate": _REPEATED,
        "edge_cases.degenerate": NOISE.odd_prompts,
        "foundry.default_loss": plan.default_items,
        "foundry.degenerate": plan.foundry_items * len(NOISE.slices),
    }.get(case.rule.metric, 0)


def changed(
    base: float, churn: float, more: float, size: int, random: np.random.Generator
) -> tuple[_Floats, _Floats]:
    """Two sides of 0 and 1, of which the first has a share `more` of ones, whatever else changes.

    Half of the churn goes each way, as far as there is what can change.
    """
    up = min(1 - base, min(churn / 2, base) + max(more, 0.0))
    down = min(base, min(churn / 2, base) + max(-more, 0.0))
    ones = np.array([base - down, down, up])
    kinds = random.choice(4, size, p=[*ones, max(0.0, 1 - ones.sum())])
    return np.isin(kinds, (0, 2)).astype(float), (kinds <= 1).astype(float)


def _least_items(plan: Plan) -> int:
    return min(plan.accuracy_least_items, sum(NOISE.slices))


def _lengths(case: Case, figure: float, random: np.random.Generator) -> Measurement:
    """Tokens of both sides' answers, of which some are written otherwise, longer or shorter."""
    count = _least_items(case.policy.plan)
    shared = NOISE.answer_tokens * np.exp(random.normal(0, NOISE.length, count))
    apart = np.exp(random.normal(0, NOISE.length_apart, count) - NOISE.length_apart**2 / 2)
    otherwise = random.random(count) < NOISE.written_otherwise
    return case.sample(figure * shared * np.where(otherwise, apart, 1.0), shared, _labels(count, 1))


def _answers(case: Case) -> int:
    plan = case.policy.plan
    return plan.source_items if "source" in case.rule.metric else plan.precision_items


@cache
def _labels(answers: int, size: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(answers) for _ in range(size))


def _reloads(case: Case, figure: float, random: np.random.Generator) -> Measurement:
    count = case.policy.plan.memory_reloads
    return case.sample(random.normal(figure, NOISE.given_back_spread, count))


def _lognormal(spread: float, answers: int, random: np.random.Generator) -> _Floats:
    """Positive values of mean 1 with this relative spread, a part of which answers share."""
    variance = math.log1p(spread**2)
    shared = math.log1p(NOISE.together * spread**2)
    own = random.normal(0, math.sqrt(variance - shared), (answers, NOISE.answer_positions))
    logs = own + random.normal(0, math.sqrt(shared), (answers, 1)) - variance / 2
    return np.asarray(np.exp(logs).ravel(), float)


def _agreement(figure: float, answers: int, random: np.random.Generator) -> _Floats:
    """0 or 1 by token; what is likely differs from answer to answer as of a beta distribution."""
    figure = min(max(figure, 1e-6), 1 - 1e-6)
    total = 1 / NOISE.together - 1
    likely = random.beta(figure * total, (1 - figure) * total, (answers, 1))
    agreed = random.random((answers, NOISE.answer_positions)) < likely
    return agreed.ravel().astype(float)
