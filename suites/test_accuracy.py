"""Does it still know its domain? Paired with the reference, item by item."""

from harness.bench import Bench
from harness.metrics.quality import grade
from harness.plugins.measure import Record


def test_accuracy(bench: Bench, record: Record) -> None:
    """Right or wrong on every item of the bank, and the same of the reference."""
    items = bench.items
    replies = zip(items, bench.replies(), bench.reference_replies(), strict=True)
    scores = [(grade(item, it).score, grade(item, ref).score) for item, it, ref in replies]
    mine, theirs = zip(*scores, strict=True)
    record(bench.sample("correct", "share", mine, theirs, labels=[item.slice for item in items]))
