"""An exam of two: asks items a few at a time until it is decided who is worse, or if any is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.bench import Bench
from harness.data_need import Need, needs_of
from harness.flip import Flip
from harness.interim import undecided_rules
from harness.item import Item
from harness.measurement import Measurement
from harness.metrics.quality import Grade, grade
from harness.metrics.scorers.choice import likeliest
from harness.reply import Reply
from harness.stats import betting, slices

_FLIP = 0.5  # the least change of a score that makes a right answer of a wrong one

CHUNK = 20
"""Items between two looks; the bet may be looked at after each."""


@dataclass(frozen=True, slots=True)
class Marked:
    """An item with both replies to it and their grades."""

    item: Item
    reply: Reply
    reference_reply: Reply
    grade: Grade
    reference_grade: Grade

    @property
    def change(self) -> float:
        """The score less the reference's."""
        return self.grade.score - self.reference_grade.score


Measure = Callable[[Sequence[Marked]], Sequence[Measurement]]
"""What items in the order asked are as measurements."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Items in the order asked: until the rules are decided (`marked`), more of what a rule must
    see losses in (`more`), and as many again of slices that look worse than the others (`fresh`).

    Only the first are a random draw of the bank whatever came out.
    """

    marked: tuple[Marked, ...]
    more: tuple[Marked, ...]
    fresh: tuple[Marked, ...]


def hold_trial(bench: Bench, measure: Measure) -> Trial:
    """Items until every rule on what `measure` makes of them is decided, or the bank ends.

    Then what the policy's rules on small losses need, as far as the bank has it.
    """

    def ask(start: int, stop: int) -> list[Marked]:
        mine, theirs = bench.replies(stop), bench.reference_replies(stop)
        return list(map(mark, bench.items[start:stop], mine[start:], theirs[start:]))

    def is_over(found: Sequence[Marked]) -> bool:
        if len(found) >= len(bank) or not undecided_rules(bench, measure(found)):
            return True
        return not bench.has_time()

    bank = bench.items
    least = max([bench.plan.accuracy_least_items, *(it.minimum_samples for it in bench.rules)])
    bench.fleet.start(*dict.fromkeys((bench.variant.name, bench.reference)))
    try:
        marked = ask_until(
            ask,
            is_over,
            least,
            len(bank),
        )
        is_compared = bench.variant.name != bench.reference
        precision = bench.variant.recipe.precision
        needs = needs_of(bench.rules, precision, bank) if is_compared else []
        wanted = missing_items([it.item for it in marked], bank[len(marked) :], needs)
        more = list(map(mark, wanted, *bench.replies_to(wanted)))
        asked = {it.item.id for it in more}
        left = [it for it in bank[len(marked) :] if it.id not in asked]
        chosen = fresh_items([*marked, *more], left)
        fresh = list(map(mark, chosen, *bench.replies_to(chosen)))
    finally:
        bench.end_copies()
    if is_compared:
        bench.report_flips(flips(bench.variant.name, [*marked, *more, *fresh]))
        bench.remark(outlook(bench.variant.name, marked, len(bank)))
    return Trial(tuple(marked), tuple(more), tuple(fresh))


def mark(item: Item, reply: Reply, reference_reply: Reply) -> Marked:
    """An item with its replies graded."""
    return Marked(item, reply, reference_reply, grade(item, reply), grade(item, reference_reply))


def ask_until(
    ask: Callable[[int, int], Sequence[Marked]],
    is_over: Callable[[Sequence[Marked]], bool],
    least: int,
    most: int,
) -> list[Marked]:
    """Items in order, `least` at least and `most` at most, until it is over.

    `ask` gives those from one number up to another.
    """
    marked: list[Marked] = []
    due = min(least, most)
    while len(marked) < most:
        marked += ask(len(marked), due)
        if is_over(marked):
            break
        due = min(due + CHUNK, most)
    return marked


def missing_items(asked: Sequence[Item], rest: Sequence[Item], needs: Sequence[Need]) -> list[Item]:
    """Of the rest, in order, what is asked so that every need is met, as far as it can be."""
    have = [sum(need.concerns(it) for it in asked) for need in needs]
    found = []
    for item in rest:
        short = [
            number
            for number, need in enumerate(needs)
            if need.concerns(item) and have[number] < need.items
        ]
        # What every item can show is left to the end: special ones serve it, too.
        if any(needs[number].is_special for number in short):
            found.append(item)
            for number, need in enumerate(needs):
                have[number] += need.concerns(item)
    chosen = {it.id for it in found}
    lacking = max(
        (need.items - have[number] for number, need in enumerate(needs) if not need.is_special),
        default=0,
    )
    others = [it for it in rest if it.id not in chosen]
    return [*found, *others[: max(lacking, 0)]]


def fresh_items(marked: Sequence[Marked], rest: Sequence[Item]) -> list[Item]:
    """Items to ask of every slice that looks worse than the others: as many again, if there are."""
    changes, labels = [it.change for it in marked], [it.item.slice for it in marked]
    suspects = [it for it in slices.screen(changes, labels) if it.is_suspect]
    return [
        item
        for suspect in suspects
        for item in [it for it in rest if it.slice == suspect.name][: suspect.items]
    ]


def flips(name: str, marked: Sequence[Marked]) -> list[Flip]:
    """The items whose answers became right or wrong, lost ones first."""
    found = [_flip(name, it) for it in marked if abs(it.change) >= _FLIP]
    return sorted(found, key=lambda it: not it.is_loss)


def _flip(name: str, it: Marked) -> Flip:
    return Flip(
        name,
        it.item.id,
        it.item.slice,
        it.item.messages[-1][1],
        it.item.expected,
        _said(it.item, it.reply),
        _said(it.item, it.reference_reply),
        it.grade.score,
        it.reference_grade.score,
    )


def _said(item: Item, reply: Reply) -> str:
    """The answer's text, or the choice that was the likeliest; none for a draw."""
    return likeliest(item, reply) if reply.likelihoods else reply.answer.text


def outlook(name: str, marked: Sequence[Marked], bank: int) -> str:
    """What was spent and spared, and how small a drop so many items can show."""
    size = len(marked)
    churn = max(sum(it.change**2 for it in marked), 1) / size
    seen = min(100.0, 100 * betting.visible_margin(churn, size))
    finer = max(1, round(seen / 2))
    needed = betting.items_needed(churn, finer / 100)
    spent = sum(len(it.reply.answer.token_ids) for it in marked) / size
    spared = f", about {_rounded(spent * (bank - size)):,} generated tokens not spent"
    return (
        f"accuracy of {name}: asked {size:,} of {bank:,} items{spared if bank > size else ''}; "
        f"with {size:,} items only drops over {seen:.2g} points can be seen, "
        f"{_rounded(needed):,} would show {finer}"
    )


def _rounded(number: float) -> int:
    """To two digits."""
    return int(float(f"{number:.2g}"))
