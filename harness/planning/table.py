"""A forecast as a person reads it."""

from collections.abc import Sequence

from tabulate import tabulate

from harness.durations import duration
from harness.planning.forecast import Forecast

HEADERS = ("suite", "time", "memory", "requests", "checks")


def forecast_table(found: Forecast) -> str:
    """Time and memory of each suite, the dearest first, and of all; with what it asks."""
    counts = dict.fromkeys(found.suites, 0)
    for check, _ in found.seconds:
        counts[check.partition(".")[0]] += 1
    rows = [
        _row(suite, seconds, found.peak_bytes[suite], found.requests[suite], counts[suite])
        for suite, seconds in sorted(found.suites.items(), key=lambda it: -it[1])
    ]
    asked = sum(found.requests.values())
    rows.append(_row("all", found.total, most(found), asked, sum(counts.values())))
    return tabulate(rows, headers=HEADERS, colalign=("left", *["right"] * 4), disable_numparse=True)


def _row(name: str, seconds: float, peak_bytes: float, requests: float, checks: int) -> list[str]:
    memory = f"{peak_bytes / 2**30:.1f} GiB"
    return [name, duration(seconds), memory, f"{requests:,.0f}", str(checks)]


def most(found: Forecast) -> float:
    """Bytes of the suite that needs most."""
    return max(found.peak_bytes.values(), default=0.0)


def announcement(found: Forecast, known_costly: int = 3) -> str:
    """One line: how long it will take, and for what."""
    dearest: Sequence[tuple[str, float]] = sorted(found.suites.items(), key=lambda it: -it[1])
    parts = ", ".join(f"{suite} {duration(seconds)}" for suite, seconds in dearest[:known_costly])
    return f"this will take about {duration(found.total)}: {parts}"
