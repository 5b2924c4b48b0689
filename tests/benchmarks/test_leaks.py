"""Leaks of half a KiB a request are found, and nothing is found where nothing leaks.

Takes about a quarter of an hour: 40 runs of the memory suite's check on each of three runtimes.
"""

import pytest

from harness.finding import Outcome
from tests.benchmarks.leaks import row, soak_many, table

pytestmark = pytest.mark.benchmark
RUNS = 40
LEAST_FOUND = 38
RUNTIMES = {
    "clean": "harness.runtimes.ort_genai:OrtGenAI",
    "0.5 KiB a request lost in native code": "tests.benchmarks.leaks:LeaksHalfKiB",
    "generators kept": "tests.benchmarks.leaks:KeepsEveryGenerator",
}


def test_leaks_are_found_and_clean_runs_are_not_accused(embedded, show):
    found = {name: soak_many(embedded["int4"], factory, RUNS) for name, factory in RUNTIMES.items()}
    show(table(row(name, runs) for name, runs in found.items()))
    clean, *leaking = found.values()
    assert all(it.is_any(Outcome.PASS) for it in clean)
    assert not any(it.is_any(Outcome.FAIL) or it.is_any(Outcome.INCONCLUSIVE) for it in clean)
    for runs in leaking:
        assert sum(it.is_any(Outcome.FAIL) for it in runs) >= LEAST_FOUND
