"""A forecast as a person reads it."""

from collections.abc import Sequence

from tabulate import tabulate

from harness.durations import duration
from harness.planning.forecast import Forecast

HEADERS = ("suite", "time", "memory", "checks")


def forecast_table(found: Forecast) -> str:
    """Time and memory of each suite, the dearest first, and of all."""
    counts = dict.fromkeys(found.suites, 0)
    for check, _ in found.seconds:
        counts[check.partition(".")[0]] += 1
    rows = [
        [suite, duration(seconds), f"{found.peak_bytes[suite] / 2**30:.1f} GiB", counts[suite]]
        for suite, seconds in sorted(found.suites.items(), key=lambda it: -it[1])
    ]
    rows.append(
        ["all", duration(found.total), f"{most(found) / 2**30:.1f} GiB", sum(counts.values())]
    )
    return tabulate(rows, headers=HEADERS, colalign=("left", "right", "right", "right"))


def most(found: Forecast) -> float:
    """Bytes of the suite that needs most."""
    return max(found.peak_bytes.values(), default=0.0)


def announcement(found: Forecast, known_costly: int = 3) -> str:
    """One line: how long it will take, and for what."""
    dearest: Sequence[tuple[str, float]] = sorted(found.suites.items(), key=lambda it: -it[1])
    parts = ", ".join(f"{suite} {duration(seconds)}" for suite, seconds in dearest[:known_costly])
    return f"this will take about {duration(found.total)}: {parts}"
