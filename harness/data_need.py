"""How many items the rules on accuracy need, found by asking the rules themselves.

Each rule is applied to made-up outcomes: everything right, or so many items of one slice lost that
the reference has right. So it is the rule that answers, whichever statistic it has.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from harness.data_check import Kind, Problem
from harness.estimate import LABELLED, PAIRED
from harness.evidence import Evidence, Subject
from harness.finding import Outcome
from harness.item import Item
from harness.measurement import Measurement
from harness.policy import Policy, Rule, Severity
from harness.release import Role
from harness.ruling import apply_rule

CORRECT = "accuracy.correct"
BY_SLICE = "accuracy.by_slice"
SEEN_LOSS = 0.20
"""A slice is too small where losing this share of it would not be seen."""

_MOST_ITEMS = 1 << 14
_SUBJECTS = {
    "reference": Subject(Role.REFERENCE, None, "made up"),
    "candidate": Subject(Role.CANDIDATE, None, "made up"),
}


def too_few(items: Sequence[Item], policy: Policy) -> list[Problem]:
    """Slices, and the whole bank, with fewer different chats than the policy's rules need."""
    chats = {item.messages: item for item in reversed(items)}.values()
    sizes = dict(sorted(Counter(item.slice for item in chats).items()))
    rules = [
        it for it in policy.rules if it.metric in (CORRECT, BY_SLICE) and it.statistic in PAIRED
    ]
    rules = [it for it in rules if it.severity is not Severity.INFO]
    found = [_bank(rule, sizes) for rule in rules]
    for rule in rules:
        compares = rule.statistic in LABELLED and len(sizes) > 1  # one slice is the whole bank
        if rule.severity is Severity.GUARD and compares:
            found += [_slice(rule, sizes, name) for name in sizes]
    return [it for it in found if it is not None]


def _bank(rule: Rule, sizes: Mapping[str, int]) -> Problem | None:
    """What a candidate that loses nothing would come out as."""
    total = sum(sizes.values())
    needed = _least(partial(_is_shown, rule))
    if total >= needed:
        return None
    reason = (
        f"{total} different chats are too few for {rule.id}, were all answers right; "
        f"{needed:,} would do"
    )
    return Problem(Kind.TOO_FEW, ("all",), reason)


def _slice(rule: Rule, sizes: Mapping[str, int], name: str) -> Problem | None:
    """What a candidate that loses much of a slice would come out as."""

    rule = replace(rule, minimum_samples=1)  # of the whole bank, which was asked for

    def is_seen(size: int) -> bool:
        return _is_broken(rule, {**sizes, name: size}, name, round(SEEN_LOSS * size))

    size, needed = sizes[name], _least(is_seen)
    if size >= needed:
        return None
    losses = [_is_broken(rule, sizes, name, lost) for lost in range(size + 1)]
    seen = f"only a loss of {losses.index(True)}" if True in losses else "no loss"
    reason = (
        f"of its {size} different chats {seen} is seen by {rule.id}; {needed:,} show a loss of "
        f"{100 * SEEN_LOSS:g} %"
    )
    return Problem(Kind.TOO_FEW, (name,), reason)


def _least(holds: Callable[[int], bool]) -> int:
    """The smallest size for which it holds; it does for all larger ones, rounding aside."""
    return bisect_left(range(_MOST_ITEMS), True, key=holds, lo=1)


def _is_shown(rule: Rule, size: int) -> bool:
    return _outcome(rule, {"all": size}, "all", 0) is Outcome.PASS


def _is_broken(rule: Rule, sizes: Mapping[str, int], name: str, lost: int) -> bool:
    return _outcome(rule, sizes, name, lost) is Outcome.FAIL


def _outcome(rule: Rule, sizes: Mapping[str, int], name: str, lost: int) -> Outcome:
    """Of a reference that is right everywhere, and a candidate but for some items of a slice."""
    labels = [it for it, size in sizes.items() for _ in range(size)]
    values = [1.0] * len(labels)
    first = labels.index(name)
    values[first : first + lost] = [0.0] * lost
    made_up = Measurement(
        suite=CORRECT.partition(".")[0],
        metric=rule.metric,
        variant="candidate",
        unit="share",
        values=tuple(values),
        environment="made up",
        reference_values=(1.0,) * len(labels),
        labels=tuple(labels),
        beside="reference",
        planned=len(labels),
    )
    return apply_rule(rule, made_up, Evidence("made up", _SUBJECTS, "made up")).outcome
