"""Does it still know its domain? Paired with the reference, item by item."""

from harness.bench import Bench
from harness.metrics.quality import score
from harness.plugins.measure import Record


def test_accuracy(bench: Bench, record: Record) -> None:
    """Right or wrong on every item of the bank, and the same of the reference."""
    items = bench.items
    answers = zip(items, bench.bank_answers(), bench.reference_bank_answers(), strict=True)
    scores = [(score(item, mine.text), score(item, theirs.text)) for item, mine, theirs in answers]
    mine, theirs = zip(*scores, strict=True)
    record(bench.sample("correct", "share", mine, theirs, labels=[item.slice for item in items]))
