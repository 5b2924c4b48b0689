"""How many items the rules on accuracy need, found by asking the rules themselves.

Each rule is applied to made-up outcomes: everything right, or so many items of one slice lost that
the reference has right. So it is the rule that answers, whichever statistic it has.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness.data_check import Kind, Problem
from harness.evidence import Evidence, Subject
from harness.exam_ruling import least_faults, least_lost
from harness.finding import Outcome
from harness.item import Item, Scorer
from harness.measurement import Measurement
from harness.policy import SHARES, Policy, Rule, Severity, Unseen
from harness.release import Precision, Role
from harness.ruling import apply_rule
from harness.statistic import LABELLED, PAIRED, Statistic
from harness.stats.sizing import items_needed

CORRECT = "accuracy.correct"
BY_SLICE = "accuracy.by_slice"
BY_CHANCE = "accuracy.by_chance"
INVALID = "accuracy.invalid"
CUT = "accuracy.cut"
SEEN_LOSS = 0.20
"""A slice is too small where losing this share of it would not be seen, whatever a rule says."""

_WITH_FORMAT = (Scorer.JSON, Scorer.JSON_FIELDS, Scorer.NUMERIC, Scorer.LISTED)
_MOST_ITEMS = 1 << 14
_SUBJECTS = {
    "reference": Subject(Role.REFERENCE, None, "made up"),
    "candidate": Subject(Role.CANDIDATE, None, "made up"),
}


@dataclass(frozen=True, slots=True)
class Need:
    """So many items must be asked for a rule: of one slice, with a format, or of any kind."""

    rule: str
    items: int
    slice: str = ""
    has_format: bool = False

    @property
    def is_special(self) -> bool:
        """Whether not every item will do."""
        return bool(self.slice) or self.has_format

    @property
    def of_what(self) -> str:
        """What it needs items of, as a problem names it."""
        return self.slice or ("format" if self.has_format else "all")

    def concerns(self, item: Item) -> bool:
        """Whether an item counts for it."""
        if self.slice:
            return item.slice == self.slice
        return not self.has_format or item.scorer in _WITH_FORMAT


def needs_of(
    rules: Sequence[Rule], precision: Precision | None, items: Sequence[Item]
) -> list[Need]:
    """What the rules need that say which loss they must see, of a bank's slices and formats."""
    names, found = list(dict.fromkeys(it.slice for it in items)), list[Need]()
    for rule in rules:
        limit = rule.limit(precision)
        if not rule.seen_loss or limit is None:
            continue
        share = rule.seen_loss / 100
        if rule.statistic is Statistic.NEW_FAULTS:
            size = items_needed(least_faults(limit), share, rule.power)
            found.append(Need(rule.id, size, has_format=rule.metric == INVALID))
        elif len(names) > 1:
            least = least_lost(limit, len(names))
            size = items_needed(least, share, rule.power)
            found += [Need(rule.id, size, name) for name in names]
    return found


def unmet(items: Sequence[Item], policy: Policy, unseen: Unseen) -> list[Problem]:
    """Slices and formats with fewer different chats than show the loss that a rule names, of rules
    that say `unseen` of it. Where a bank has no item of a format there is none to show.
    """
    chats = list({item.asked: item for item in reversed(items)}.values())
    chosen = [it for it in policy.rules if it.unseen is unseen]
    deciding = [it for it in chosen if it.severity is not Severity.INFO]
    found = []
    for need in needs_of(deciding, None, chats):
        size = sum(need.concerns(it) for it in chats)
        if size < need.items and (size or not need.has_format):
            reason = (
                f"{size:,} different chats are too few for {need.rule} to see the loss that it "
                f"names; {need.items:,} would do"
            )
            found.append(Problem(Kind.TOO_FEW, (need.of_what,), reason))
    return found


def too_few(items: Sequence[Item], policy: Policy, floor: float | None = None) -> list[Problem]:
    """Slices, and the whole bank, with fewer different chats than the policy's rules need.

    `floor` is the share of right answers that the release states, where it does.
    """
    chats = {item.asked: item for item in reversed(items)}.values()
    sizes = dict(sorted(Counter(item.slice for item in chats).items()))
    stated = [it.on(None, floor) for it in policy.rules]
    deciding = [it for it in stated if it.severity is not Severity.INFO]
    rules = [it for it in deciding if it.metric in (CORRECT, BY_SLICE) and it.statistic in PAIRED]
    shares = [it for it in deciding if it.metric == CORRECT and it.statistic in SHARES]
    found = [_bank(rule, len(chats)) for rule in (*rules, *shares)]
    guessed = repr(math.fsum(item.chance_level for item in chats) / max(1, len(chats)))
    found += [_bank(it, len(chats), guessed) for it in deciding if it.metric == BY_CHANCE]
    for rule in rules:
        compares = rule.statistic in LABELLED and len(sizes) > 1  # one slice is the whole bank
        if rule.severity is Severity.GUARD and compares:
            found += [_slice(rule, sizes, name) for name in sizes]
    known = [it for it in found if it is not None]
    return known + unmet(items, policy, Unseen.INCONCLUSIVE)


def _bank(rule: Rule, total: int, label: str = "all") -> Problem | None:
    """What a candidate that loses nothing would come out as, all of its items with one label."""
    needed = _least(partial(_is_shown, rule, label))
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


def _is_shown(rule: Rule, label: str, size: int) -> bool:
    return _outcome(rule, {label: size}, label, 0) is Outcome.PASS


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
