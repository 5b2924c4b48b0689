"""How much memory it takes, and whether a request leaves some behind."""

from dataclasses import replace

from harness.bench import Bench, question
from harness.plugins.measure import Record

REQUESTS_PER_CYCLE = 20


def test_memory(bench: Bench, record: Record) -> None:
    """Private memory after identical cycles of requests, in a process of its own."""
    longest = sorted(bench.items, key=lambda item: -len(item.messages[-1][1]))
    cycle = [replace(question(item), fresh=True) for item in longest[:REQUESTS_PER_CYCLE]]
    levels, peak = bench.memory_cycles(cycle)
    requests = [str(len(cycle) * (turn + 1)) for turn in range(len(levels))]
    record(
        bench.sample("private", "KiB", [level / 1024 for level in levels], labels=requests),
        bench.sample("peak", "MiB", [peak / 2**20], [bench.reference_peak(cycle) / 2**20]),
    )
