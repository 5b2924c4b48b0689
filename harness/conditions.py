"""The conditions that a stretch of measuring began and ended under, and what disturbed it."""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.environment import Power

_TICK_SECONDS = 0.02  # processor time is counted in ticks of up to so much, on every core
_SCARCE_BYTES = 256 * 2**20  # with less the system takes away pages that a model has mapped
_SWAPPING_BYTES = 16 * 2**20  # a page or two come back whenever a sleeping program wakes
_MIB = 2**20
_THROTTLED_SHARE = 0.05  # of the time: a thin laptop is slowed down for moments again and again


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the system told at one moment; None, or an empty governor, where it does not tell.

    `clock_seconds` runs at the pace of time, from anywhere. `busy_seconds` is the time that the
    `cores` we may use have worked since the machine started, time that a hypervisor gave to others
    included; `own_seconds` is our own process tree's part of it. `load_average` is of the last
    minute, `frequency_mhz` the mean of all cores, `temperature_celsius` the hottest of their
    sensors. `throttle_count` is how often heat has slowed a core or its package down, and
    `throttled_ms` for how long, of each core and each core's package.
    """

    clock_seconds: float
    cores: int
    busy_seconds: float | None = None
    own_seconds: float | None = None
    load_average: float | None = None
    frequency_mhz: float | None = None
    governor: str = ""
    power: Power = Power.UNKNOWN
    temperature_celsius: float | None = None
    throttle_count: int | None = None
    available_memory_bytes: int | None = None
    swapped_in_bytes: int | None = None
    throttled_ms: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.cores < 1:
            raise ValueError(f"cores must be positive: found {self.cores}")


def others_share(start: Conditions, end: Conditions) -> float | None:
    """Share of all cores' time that others than our process tree used in between, from 0 to 1.

    None where the system does not tell, or where no time has passed.
    """
    passed = (end.clock_seconds - start.clock_seconds) * end.cores
    busy, own = (_rise(start, end, name) for name in ("busy_seconds", "own_seconds"))
    if busy is None or own is None or passed <= 0:
        return None
    uncertain = _TICK_SECONDS * end.cores
    return min(1.0, max(0.0, busy - own - uncertain) / passed)


def throttled_share(start: Conditions, end: Conditions) -> float | None:
    """Share of the time in between that heat has slowed the core down that had most of it, 0 to 1.

    Linux counts a time when it is over (arch/x86, therm_throt.c), so that one which has begun
    before counts as a whole. None where the system does not tell, or where no time has passed.
    """
    passed = end.clock_seconds - start.clock_seconds
    before, after = start.throttled_ms, end.throttled_ms
    if not before or len(before) != len(after) or passed <= 0:
        return None
    longest = max(late - early for early, late in zip(before, after, strict=True))
    return min(1.0, max(0.0, longest / 1e3 / passed))


def disturbance(start: Conditions, end: Conditions, most_busy_share: float) -> str:
    """What disturbed the stretch in between, in one clause; empty when nothing did.

    Others may use `most_busy_share` of all cores' time. What the system does not tell disturbs
    nothing, and neither does a frequency or a temperature by itself.
    """
    return " and ".join(
        (*_of_others(start, end, most_busy_share), *_of_power(start, end), *_of_memory(start, end))
    )


def _of_others(start: Conditions, end: Conditions, most_busy_share: float) -> Iterator[str]:
    share = others_share(start, end)
    if share is not None and share > most_busy_share:
        yield f"others used {share:.0%} of the processors' time"


def _of_power(start: Conditions, end: Conditions) -> Iterator[str]:
    if start.power is not end.power:
        yield f"the power source went from {start.power} to {end.power}"
    if start.governor != end.governor:
        before, after = start.governor or "unknown", end.governor or "unknown"
        yield f"the frequency governor went from {before} to {after}"
    yield from _of_heat(start, end)


def _of_heat(start: Conditions, end: Conditions) -> Iterator[str]:
    share, count = throttled_share(start, end), _rise(start, end, "throttle_count")
    if share is None and count:
        yield f"heat slowed the processors down {_times(count)}"
    elif share is not None and share >= _THROTTLED_SHARE:
        yield f"heat slowed the processors down for {share:.0%} of the time"


def _of_memory(start: Conditions, end: Conditions) -> Iterator[str]:
    left = end.available_memory_bytes
    if left is not None and left < _SCARCE_BYTES:
        yield f"{left / _MIB:.0f} MiB of memory were left"
    swapped = _rise(start, end, "swapped_in_bytes")
    if swapped is not None and swapped > _SWAPPING_BYTES:
        yield f"{swapped / _MIB:.0f} MiB were swapped in"


def _times(count: float) -> str:
    return "once" if count == 1 else f"{count:.0f} times"


def _rise(start: Conditions, end: Conditions, name: str) -> float | None:
    """How far a counter went up; one that stepped back began anew, and tells nothing."""
    before, after = getattr(start, name), getattr(end, name)
    if before is None or after is None or after < before:
        return None
    return float(after - before)
