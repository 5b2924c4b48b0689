"""The same bytes get the same answer: again, with other seeds, beside a busy neighbour.

`GATE_REPEATS` sessions quiet and as many with a neighbour (10), of the suites that
`GATE_REPEAT_SUITES` names (all): the whole takes an hour and a half. `GATE_REPEAT_SESSIONS` is how
many sessions' intervals are compared (20). The quick half is in tests/test_repeatability.py.
"""

import math
import os

from tabulate import tabulate

from tests.benchmarks.repeat import (
    HEADERS,
    NEIGHBOUR,
    ONE_THREAD,
    QUIET,
    REBUILT,
    TURNED,
    Once,
    agreement,
    once,
)
from tests.benchmarks.session import QUALITY, SPEED

REPEATS = int(os.environ.get("GATE_REPEATS", "10"))
SESSIONS = int(os.environ.get("GATE_REPEAT_SESSIONS", "20"))
EVERY = (*SPEED, "device", *QUALITY, "contracts", "packaging", "foundry")
SUITES = tuple(filter(None, os.environ.get("GATE_REPEAT_SUITES", "").split(","))) or EVERY
METRICS = ("latency.ttft", "latency.itl", "latency.total")


def test_a_clean_release_is_never_refused_and_goes_wherever_nothing_disturbs(
    embedded, tmp_path, show
):
    found = sessions([QUIET] * REPEATS + [NEIGHBOUR] * REPEATS, tmp_path, show)
    assert not [session for session in found if session.verdict == "NO-GO"]
    assert all(session.verdict == "GO" for session in found if session.kind is QUIET)
    undecided = [session for session in found if session.verdict != "GO"]
    assert len(undecided) <= math.ceil(0.2 * REPEATS)
    assert all(session.is_explained for session in undecided)


def test_a_rebuilt_variant_one_thread_and_another_order_change_no_verdict(embedded, tmp_path, show):
    found = sessions([REBUILT, ONE_THREAD, TURNED], tmp_path, show)
    assert [session.verdict for session in found] == ["GO"] * len(found)


def test_sessions_of_the_same_bytes_agree(embedded, tmp_path, show):
    found = [once(seed, QUIET, tmp_path / f"{seed}", ("latency",)) for seed in range(SESSIONS)]
    evidence = [session.evidence for session in found]
    rows = []
    for variant in ("int8", "int4"):
        for metric in METRICS:
            held, pooled, spread = agreement(evidence, variant, metric)
            rows.append([variant, metric, f"{pooled:.3f} x", f"{spread:.3f}", held])
    headers = ("variant", "metric", "pooled", "spread", f"of {SESSIONS} intervals hold it")
    show(tabulate(rows, headers=headers))
    least = math.floor(17 / 20 * SESSIONS)
    assert min(row[-1] for row in rows) >= least


def sessions(kinds, folder, show) -> list[Once]:
    """One session of each kind, shown as it ends."""
    found = []
    for seed, kind in enumerate(kinds):
        found.append(once(seed, kind, folder / f"{seed}", SUITES))
        show("  ".join(found[-1].row()))
    show(tabulate([it.row() for it in found], headers=HEADERS, maxcolwidths=[None] * 4 + [90]))
    return found
