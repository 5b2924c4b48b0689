"""A device profile: what users have, what of it a release may take, and what stands in for it."""

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from harness.errors import ConfigError

_REFERENCE_SHARE = 0.25  # of the memory, for its weights: prepared copies and caches need the rest


class Budget(StrEnum):
    """What a release may take of a device; the text is the key in a profile's ``[budgets]``."""

    TTFT = "ttft_ms"  # 95 % of first tokens come sooner, after `prompt_tokens`
    RATE = "tokens_per_second"  # 95 % of answers come faster
    PEAK = "peak_mib"
    LOAD = "load_s"  # 95 % of users' first answers have begun by then, load and all
    DISK = "disk_mib"

    @property
    def is_floor(self) -> bool:
        """Whether a release must reach it, where it must keep within the others."""
        return self is Budget.RATE

    @property
    def is_speed(self) -> bool:
        """Whether another processor would measure something else."""
        return self in (Budget.TTFT, Budget.RATE, Budget.LOAD)


@dataclass(frozen=True, slots=True)
class Budgets:
    """The absolute limits of one device; times to the first token are for `prompt_tokens`."""

    prompt_tokens: int
    ttft_ms: float
    tokens_per_second: float
    peak_mib: float
    load_s: float
    disk_mib: float


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of machine that the release goes to.

    `threads` are those that the engine computes with, and `available_mib` is the memory that the
    system and other applications leave it. `instructions` are the sets beyond the architecture's
    own that matter for speed, by Linux's names.
    """

    name: str
    architecture: str
    cores: int
    threads: int
    memory_mib: int
    available_mib: int
    budgets: Budgets
    instructions: tuple[str, ...] = ()
    description: str = ""

    def budget(self, budget: Budget) -> float:
        """The limit itself."""
        return float(getattr(self.budgets, budget))

    @property
    def available_kib(self) -> int:
        """What growth can fill."""
        return self.available_mib * 1024


@dataclass(frozen=True, slots=True)
class Machine:
    """What measures in a device's place; `can_pin` and `can_cap` say what its system limits."""

    architecture: str
    cores: int
    memory_mib: int
    instructions: tuple[str, ...] = ()
    can_pin: bool = True
    can_cap: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """What a runtime's process may use while it is measured: processors by number, threads of the
    engine, and private memory beyond what the process has before it loads; 0 or none is no limit.
    """

    processors: tuple[int, ...] = ()
    threads: int = 0
    memory_bytes: int = 0


def limits_of(device: Device, machine: Machine, usable: tuple[int, ...]) -> Limits:
    """How a machine with these usable processors is made as small as a device.

    With fewer cores than the device has, the engine gets the same share of them.
    """
    cores = min(device.cores, machine.cores)
    threads = max(1, device.threads * cores // device.cores)
    return Limits(
        usable[:cores] if machine.can_pin else (),
        threads,
        device.available_mib * 2**20 if machine.can_cap else 0,
    )


def reference_limits(limits: Limits, size_bytes: int) -> Limits:
    """Those of the reference, which goes to no device: its memory is not limited where it would
    not fit, or nothing could be compared with it."""
    if size_bytes <= limits.memory_bytes * _REFERENCE_SHARE:
        return limits
    return replace(limits, memory_bytes=0)


def speed_doubt(device: Device, machine: Machine) -> str:
    """Why no speed that was measured here is one of the device's; empty where it is."""
    if device.architecture == machine.architecture:
        return ""
    return f"was measured on {machine.architecture}, which says nothing of {device.architecture}"


def shortage(device: Device, machine: Machine) -> str:
    """What the device has and the machine lacks, so that the device is faster; empty where nothing.

    A speed within its budget is so all the more on the device.
    """
    parts = []
    if machine.cores < device.cores:
        parts.append(f"on {machine.cores} of {device.cores} cores")
    lacking = [name for name in device.instructions if name not in machine.instructions]
    if lacking:
        parts.append(f"without {', '.join(lacking)}")
    return f"measured {' and '.join(parts)}" if parts else ""


def gain_by_cores(device: Device, machine: Machine) -> float:
    """How many times faster the device may be for its cores, at the most; unbounded where the
    machine lacks instructions too."""
    if any(name not in machine.instructions for name in device.instructions):
        return math.inf
    return max(1.0, device.cores / machine.cores)


def remarks(device: Device | None, machine: Machine) -> tuple[str, ...]:
    """What a reader of the report must know of a device and what stood in for it."""
    if device is None:
        return (
            "no device's budgets were checked: the release names no [device], nor was --device "
            "given",
        )
    limits = limits_of(device, machine, tuple(range(machine.cores)))
    memory = f"{device.available_mib:,} MiB of memory" if machine.can_cap else "no limit of memory"
    cores = f"{len(limits.processors) or machine.cores} of {device.cores} cores"
    found = [
        f"measured for the device {device.name} on {cores}, with {limits.threads} of "
        f"{device.threads} threads and {memory}"
    ]
    return (*found, *_not_emulated(device, machine))


def _not_emulated(device: Device, machine: Machine) -> Iterator[str]:
    if doubt := speed_doubt(device, machine):
        yield f"another instruction set is not emulated: every speed {doubt}"
        return
    more = [name for name in machine.instructions if name not in device.instructions]
    if more:
        yield (
            f"this machine has {', '.join(more)}, which {device.name} lacks and nothing here "
            "emulates: there it may be slower"
        )
    if not machine.can_pin:
        yield f"this system limits no process to {device.cores} cores: on the device it is slower"
    if machine.memory_mib < device.available_mib:
        yield f"this machine has less memory ({machine.memory_mib:,} MiB) than the device"


_NOT_PLAIN = ("budgets", "instructions", "measured")


def device_of(name: str, table: Mapping[str, object]) -> Device:
    """The profile that a table of a file states; what it says was measured is for the reader.

    Raises ConfigError with a line for each mistake in it.
    """
    found = problems(table)
    if found:
        raise ConfigError("\n".join(f"{name}: {problem}" for problem in found))
    known: Mapping[str, Any] = table  # every key and kind of value was looked at above
    plain = {key: value for key, value in known.items() if key not in _NOT_PLAIN}
    instructions = tuple(known.get("instructions", ()))
    return Device(name, budgets=Budgets(**known["budgets"]), instructions=instructions, **plain)


_NUMBERS = ("cores", "threads", "memory_mib", "available_mib")
_TEXTS = ("architecture", "description")
_KEYS = ("description", "architecture", "instructions", *_NUMBERS, "budgets", "measured")
_MAY_LACK = ("description", "instructions", "measured")
_BUDGETS = ("prompt_tokens", *Budget)


def problems(table: Mapping[str, object]) -> list[str]:
    """Every mistake in a profile's table, one line each."""
    budgets = table.get("budgets")
    found = [*_wrong_keys(table, _KEYS, ""), *_wrong_values(table, _NUMBERS, whole=True)]
    found += [
        f"{name} must be text: found {table[name]!r}"
        for name in _TEXTS
        if not isinstance(table.get(name, ""), str)
    ]
    if not _is_texts(table.get("instructions", ())):
        found.append(f"instructions must be a list of names: found {table['instructions']!r}")
    if isinstance(budgets, Mapping):
        found += _wrong_keys(budgets, _BUDGETS, "budgets.")
        found += _wrong_values(budgets, ("prompt_tokens",), "budgets.", whole=True)
        found += _wrong_values(budgets, tuple(Budget), "budgets.")
    elif budgets is not None:
        found.append(f"budgets must be a table: found {budgets!r}")
    return found or list(_contradictions(table))


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value)


def _wrong_keys(table: Mapping[str, object], known: tuple[str, ...], at: str) -> Iterator[str]:
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            nearest = f" (did you mean {at}{close[0]}?)" if close else ""
            yield f"unknown key {at}{key}{nearest}; accepted: {', '.join(known)}"
    for key in known:
        if key not in table and key not in _MAY_LACK:
            yield f"the key {at}{key} is missing"


def _wrong_values(
    table: Mapping[str, object], names: tuple[str, ...], at: str = "", whole: bool = False
) -> Iterator[str]:
    kind = "a whole number" if whole else "a number"
    for name in names:
        value = table.get(name, 1)
        accepted = int if whole else int | float
        is_number = isinstance(value, accepted) and not isinstance(value, bool)
        if not is_number or not 0 < float(str(value)) < math.inf:
            yield f"{at}{name} must be {kind} over 0: found {value!r}"


def _contradictions(table: Mapping[str, object]) -> Iterator[str]:
    """Of a table that has every number it needs."""
    budgets = table["budgets"]
    assert isinstance(budgets, Mapping)
    for less, more, smaller, larger in (
        ("threads", "cores", table["threads"], table["cores"]),
        ("available_mib", "memory_mib", table["available_mib"], table["memory_mib"]),
        ("budgets.peak_mib", "available_mib", budgets["peak_mib"], table["available_mib"]),
    ):
        if float(str(smaller)) > float(str(larger)):
            yield f"{less} must not be over {more}: found {smaller} and {larger}"
