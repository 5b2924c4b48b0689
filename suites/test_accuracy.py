"""Does it still know its domain? Paired with the reference, item by item."""

from collections.abc import Sequence
from dataclasses import replace

from harness.bench import Bench
from harness.measurement import Measurement
from harness.plugins.measure import Record
from harness.trial import Marked, hold_trial


def test_accuracy(bench: Bench, record: Record) -> None:
    """Scores and formats of its answers and the reference's, until the policy's rules are decided.

    Slices that look worse than the others are asked more of their items before they count.
    """

    def measured(marked: Sequence[Marked]) -> list[Measurement]:
        """Of items in the order asked; their plan is the whole bank."""
        mine = [it.grade for it in marked]
        theirs = [it.reference_grade for it in marked]
        labels = [it.item.slice for it in marked]
        correct = [[it.score for it in side] for side in (mine, theirs)]
        # An answer that is asked for no format is in no wrong one.
        valid = [[it.is_valid is not False for it in side] for side in (mine, theirs)]
        found = (
            bench.sample("correct", "share", correct[0], correct[1], labels),
            bench.sample("valid", "share", valid[0], valid[1], labels),
        )
        return [replace(it, planned=len(bench.items)) for it in found]

    marked, fresh = hold_trial(bench, measured)
    by_slice, _ = measured([*marked, *fresh])
    by_slice = replace(by_slice, metric="accuracy.by_slice", planned=len(marked))
    record(*measured(marked), by_slice)
