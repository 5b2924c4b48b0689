"""Rules on scores beside the reference's: a test decides, the interval is for the reader."""

import math
from collections.abc import Sequence

import numpy as np

from harness.estimate import differences, estimate
from harness.finding import Outcome, bound, figure, quantity, sentence
from harness.measurement import Measurement
from harness.policy import Claim, Limit, Rule, Severity, Unseen
from harness.statistic import Statistic
from harness.stats import betting, faults, guessing, sizing, slices
from harness.stats.intervals import Estimate

TESTED = (
    Statistic.SEQUENTIAL_GAIN,
    Statistic.WORST_SLICE,
    Statistic.NEW_FAULTS,
    Statistic.BEYOND_CHANCE,
)
"""Statistics whose rules a test decides."""

_POINTS = "points"

Ruled = tuple[Estimate, Outcome, str]
"""The figure with its interval, the outcome, and the sentence that says why."""


def by_test(rule: Rule, limit: Limit, it: Measurement) -> Ruled:
    """What a rule on one of the statistics above says of a measurement."""
    return {
        Statistic.SEQUENTIAL_GAIN: _by_bet,
        Statistic.WORST_SLICE: _by_screen,
        Statistic.NEW_FAULTS: _by_faults,
        Statistic.BEYOND_CHANCE: _by_chance,
    }[rule.statistic](rule, limit, it)


def _by_bet(rule: Rule, limit: Limit, it: Measurement) -> Ruled:
    """Shown to hold, evidence of harm, or open; values are in the order asked.

    `Measurement.planned` is the size of the bank.
    """
    if problem := _no_bet(rule, it):
        found = estimate(it, rule.statistic, rule.confidence)
        return found, Outcome.INCONCLUSIVE, f"{rule.subject}: {problem}"
    gains, margin = differences(it), -limit.value / 100
    tail, bank = (1 - rule.confidence) / 2, it.planned if rule.claim is Claim.BANK else 0
    shown = betting.shown_after(gains, margin, tail, bank) is not None
    found = estimate(it, rule.statistic, rule.confidence)
    harm = _is_beyond(limit, found) if shown else _is_harm(gains, margin, tail)
    if bank:  # for certain, whatever seemed before
        harm |= betting.wealth(gains, margin, bank)[-1] == 0
    outcome = _outcome(rule, shown, harm)
    text = f"{rule.subject}: {figure(found, _POINTS)} after {_asked(it)}"
    return found, outcome, text + _why(rule, limit, it, outcome, shown)


def _no_bet(rule: Rule, it: Measurement) -> str:
    if not all(0 <= value <= 1 for value in (*it.values, *it.reference_values)):
        return "a bet is on scores from 0 to 1, and these are others"
    if rule.claim is Claim.BANK and it.planned < len(it.values):
        return "it is not known of how many items these are"
    return ""


def _is_beyond(limit: Limit, found: Estimate) -> bool:
    """The bet was won early, and what was asked after it got worse: a model may, as it is used."""
    return not (limit.holds(found.lower) or limit.holds(found.upper))


def _is_harm(gains: Sequence[float], margin: float, tail: float) -> bool:
    return betting.harm_wealth(gains, margin) >= 1 / tail


def _outcome(rule: Rule, shown: bool, harm: bool) -> Outcome:
    if harm:
        return Outcome.FAIL
    if shown or rule.severity is Severity.GUARD:
        return Outcome.PASS
    return Outcome.INCONCLUSIVE


def _why(rule: Rule, limit: Limit, it: Measurement, outcome: Outcome, shown: bool) -> str:
    demand = f"{bound(limit, _POINTS)} {_claimed(rule, it)}"
    if outcome is Outcome.PASS:
        return f", {'' if shown else 'no evidence against '}{demand}"
    if outcome is Outcome.INCONCLUSIVE:
        return f" does not decide whether it is {demand}{_outlook(limit, it)}"
    allowed = quantity(-limit.value, _POINTS)
    hint = f"; {rule.hint}" if rule.hint else ""
    return f", worse {_claimed(rule, it)} by more than the {allowed} that are allowed{hint}"


def _asked(it: Measurement) -> str:
    size = len(it.values)
    return f"{size:,} items" if size >= it.planned else f"{size:,} of {it.planned:,} items"


def _claimed(rule: Rule, it: Measurement) -> str:
    if rule.claim is Claim.BANK:
        return f"on these {it.planned:,} items"
    return "on questions like these"


def _outlook(limit: Limit, it: Measurement) -> str:
    """What the bank alone shows where it is all asked, and how many items would decide."""
    gains = differences(it)
    alone = ""
    if len(gains) >= it.planned:
        holds = limit.holds(100 * math.fsum(gains) / len(gains))
        alone = f"; on these items alone it is{'' if holds else ' not'}"
    needed = _needed(gains, -limit.value / 100)
    if needed is None:
        return f"{alone}: more items would hardly show it"
    return f"{alone}: about {needed:,} items would show it"


def _needed(gains: Sequence[float], margin: float) -> int | None:
    """Items that show a gain like this one to be within the limit; None where it is not."""
    ahead = float(np.mean(gains)) + margin
    if ahead <= 0:
        return None
    needed = max(betting.items_needed(churn_of(gains), ahead), len(gains) + 1)
    return round(needed, 2 - len(str(needed)))


def churn_of(gains: Sequence[float]) -> float:
    """Mean squared change of score, of one item at least."""
    return max(float(np.mean(np.square(gains))), 1 / len(gains))


def _by_screen(rule: Rule, limit: Limit, it: Measurement) -> Ruled:
    """The slice that stands most against the variant, by all items asked of it.

    `Measurement.planned` says how many of the values came first; the others were asked because of
    them.
    """
    found = estimate(it, rule.statistic, rule.confidence)
    counts = slices.screen(differences(it), it.labels)
    worst = slices.worst(counts)
    if worst.flagged and not limit.holds(found.value):
        text = sentence(rule, limit, Outcome.FAIL, found, _POINTS)
        return found, Outcome.FAIL, f"{text}; {_counted(worst, it)}"
    place = f"{rule.subject} at {worst.name}"
    text = f"{place}: {figure(found, _POINTS)}, no evidence against {bound(limit, _POINTS)}"
    smallest = min(counts, key=lambda one: one.items)
    least = least_lost(limit, len(counts), smallest.other_items)
    return found, *_seen(rule, text, least, smallest.items, f"items of {smallest.name}")


def least_lost(limit: Limit, count: int, others: int | None = None) -> sizing.LeastLosses:
    """The fewest losses in one of so many slices that the screen takes for harm, by its size.

    The other slices have so many items together, or as many as this one each.
    """

    def least(items: int) -> int:
        beside = (count - 1) * items if others is None else others
        return slices.least_losses(items, beside, count - 1, -limit.value / 100)

    return least


def least_faults(limit: Limit) -> sizing.LeastLosses:
    """The fewest new faults that the test takes for harm, by the number of items."""
    return lambda items: faults.least_new(items, limit.value / 100)


def _by_faults(rule: Rule, limit: Limit, it: Measurement) -> Ruled:
    """Faults of the variant alone; only items with a label can have one."""
    found = estimate(it, rule.statistic, rule.confidence)
    gains = [gain for gain, label in zip(differences(it), it.labels, strict=True) if label]
    if not gains:
        return found, Outcome.PASS, f"{rule.subject}: no item can show any"
    new, gone = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    counted = f"{new:,} of {len(gains):,} have one that the reference's have not"
    if faults.is_harm(len(gains), new, gone, limit.value / 100):
        text = sentence(rule, limit, Outcome.FAIL, found, _POINTS)
        return found, Outcome.FAIL, f"{text}; {counted}"
    text = (
        f"{rule.subject}: {figure(found, _POINTS)} ({counted}), no evidence against "
        f"{bound(limit, _POINTS)}"
    )
    is_doubtful = faults.is_doubtful(len(gains), new, gone, limit.value / 100)
    return found, *_seen(rule, text, least_faults(limit), len(gains), "items", is_doubtful)


def _by_chance(rule: Rule, limit: Limit, it: Measurement) -> Ruled:
    """Shown to be better than who guesses, shown to be worse, or open; labels are the chances.

    Better by no more than the limit is not enough: what is right never and by chance never, too,
    knows nothing.
    """
    found = estimate(it, rule.statistic, rule.confidence)
    outcome = _outcome(rule, found.lower > limit.value, found.upper < limit.value)
    guessed = quantity(math.fsum(map(float, it.labels)) / len(it.labels), "share")
    text = (
        f"{rule.subject}: {figure(found, _POINTS)} after {_asked(it)}, of which a guess is right "
        f"for {guessed}"
    )
    wanted = f"over {quantity(limit.value, _POINTS)}"
    if outcome is Outcome.PASS:
        shown = found.lower > limit.value
        return found, outcome, f"{text}; {'' if shown else 'no evidence against '}{wanted}"
    if outcome is Outcome.FAIL:
        hint = f"; {rule.hint}" if rule.hint else ""
        return found, outcome, f"{text}; it must be {wanted}{hint}"
    needed = guessing.items_needed(found, limit.value)
    more = "more items would hardly show it"
    if needed is not None:
        more = f"about {round(needed, 2 - len(str(needed))):,} items would show it"
    return found, outcome, f"{text}, does not decide whether it is {wanted}: {more}"


def _seen(
    rule: Rule,
    text: str,
    least: sizing.LeastLosses,
    items: int,
    of_what: str,
    is_doubtful: bool = False,
) -> tuple[Outcome, str]:
    """The outcome where no harm is shown, and what harm would have been.

    What looks like harm and cannot be told from it, of so few, is no reason to pass.
    """
    if not rule.seen_loss:
        return Outcome.PASS, text
    seen = 100 * sizing.share_seen(least, items, rule.power)
    if seen <= rule.seen_loss:
        return Outcome.PASS, text
    text += (
        f"; of {items:,} {of_what} only a loss of {seen:.2g} points is seen, not one of "
        f"{rule.seen_loss:g}"
    )
    is_open = is_doubtful or rule.unseen is Unseen.INCONCLUSIVE
    return Outcome.INCONCLUSIVE if is_open else Outcome.PASS, text


def _counted(worst: slices.SliceCount, it: Measurement) -> str:
    fresh = it.labels[it.planned :].count(worst.name) if it.planned else 0
    anew = f" ({fresh:,} of them asked after the others looked bad)" if fresh else ""
    return (
        f"of its {worst.items:,} items{anew} {worst.losses:,} were lost and {worst.gains:,} won, "
        f"of the {worst.other_items:,} others {worst.other_losses:,} were lost"
    )
