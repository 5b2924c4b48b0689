"""Does it still know its domain? Paired with the reference, item by item."""

from collections.abc import Sequence
from dataclasses import replace

from harness.answer import Finish
from harness.bench import Bench
from harness.item import Scorer
from harness.measurement import Measurement
from harness.metrics import latency
from harness.metrics.quality import ended, is_cut
from harness.plugins.measure import Record
from harness.reply import Reply
from harness.trial import Marked, hold_trial


def test_accuracy(bench: Bench, record: Record) -> None:
    """Scores and formats of its answers and the reference's, until the policy's rules are decided.

    Slices and formats are asked as many as show the losses that the policy names, and slices that
    look worse than the others as many again before they count.
    """

    def measured(marked: Sequence[Marked]) -> list[Measurement]:
        """Of items in the order asked; their plan is the whole bank.

        Labels are slices, but of `by_chance`, where they say how often a guess is right.
        """
        mine = [it.grade for it in marked]
        theirs = [it.reference_grade for it in marked]
        labels = [it.item.slice for it in marked]
        correct = [[it.score for it in side] for side in (mine, theirs)]
        chances = [repr(it.item.chance_level) for it in marked]
        # An answer that is asked for no format is in no wrong one.
        valid = [[it.is_valid is not False for it in side] for side in (mine, theirs)]
        found = (
            bench.sample("correct", "share", correct[0], correct[1], labels),
            bench.sample("valid", "share", valid[0], valid[1], labels),
            bench.sample("by_chance", "share", correct[0], labels=chances),
        )
        return [replace(it, planned=len(bench.items)) for it in found]

    trial = hold_trial(bench, measured)
    sized = [*trial.marked, *trial.more]
    by_slice, *_ = measured([*sized, *trial.fresh])
    by_slice = replace(by_slice, metric="accuracy.by_slice", planned=len(sized))
    record(*measured(trial.marked), by_slice, *_faults(bench, sized), _tokens(bench, sized))


def _faults(bench: Bench, marked: Sequence[Marked]) -> list[Measurement]:
    """Of all items that nothing but their number chose, and labelled where they can have one."""
    grades = [(it.grade, it.reference_grade) for it in marked]
    formats = ["format" if theirs.is_valid is not None else "" for _, theirs in grades]
    invalid = [[it.is_valid is False for it in side] for side in zip(*grades, strict=True)]
    said = [tuple(reply.answer.text for reply in _ended(it)) for it in marked]
    cut = [[is_cut(mine, theirs) for mine, theirs in said], [is_cut(b, a) for a, b in said]]
    spoken = ["answer" if any(pair) else "" for pair in said]
    return [
        bench.sample("invalid", "share", invalid[0], invalid[1], formats),
        bench.sample("cut", "share", cut[0], cut[1], spoken),
    ]


def _tokens(bench: Bench, marked: Sequence[Marked]) -> Measurement:
    """How long answers are that are generated and end: what has none is judged as such. Choices,
    which nobody says, count where those are fewer than the two that have an interval.
    """
    answered = [(it.item, _ended(it)) for it in marked]
    generated = [
        (item, pair)
        for item, pair in answered
        if item.scorer is not Scorer.CHOICE
        and all(reply.answer.finish is not Finish.LENGTH for reply in pair)
    ]
    chosen = generated if len(generated) > 1 else answered
    mine = latency.awaited_tokens(pair[0].answer for _, pair in chosen)
    theirs = latency.awaited_tokens(pair[1].answer for _, pair in chosen)
    return bench.sample("tokens", "tokens", mine, theirs, [item.id for item, _ in chosen])


def _ended(marked: Marked) -> tuple[Reply, Reply]:
    """Both replies, as far as somebody reads them."""
    return ended(marked.item, marked.reply), ended(marked.item, marked.reference_reply)
