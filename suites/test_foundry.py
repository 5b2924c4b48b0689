"""Does the real Foundry Local runtime give the same answers?"""

from harness.bench import Bench
from harness.plugins.measure import Record


def test_same_answers(bench: Bench, record: Record) -> None:
    """Greedy answers to a few items of every slice, through Foundry Local's chat."""
    items, mine, foundry = bench.foundry_answers()
    same = [float(a.text == b.text) for a, b in zip(mine, foundry, strict=True)]
    record(bench.sample("same_answers", "share", same, labels=[item.slice for item in items]))
