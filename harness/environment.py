"""The environment of a measurement, and what stands in the way of comparing two."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

_GIB = 2**30
_COMPARED = (
    "processor",
    "cores",
    "memory",
    "system",
    "python",
    "provider",
    "threads",
    "power",
    "governor",
)


class Power(StrEnum):
    """What feeds the machine; a laptop on battery is a slower one."""

    AC = "ac"
    BATTERY = "battery"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Environment:
    """Hardware, system and versions, as they were when a session began.

    `cores` are those this process may use. `versions` are (distribution, version) pairs, sorted by
    name, without those not installed. `threads` 0 and an empty `governor` mean that nobody said.
    `load_average` is of the last minute, None where the system does not tell; it is for the reader
    and never compared.
    """

    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    versions: tuple[tuple[str, str], ...]
    provider: str = "cpu"
    threads: int = 0
    power: Power = Power.UNKNOWN
    governor: str = ""
    load_average: float | None = None

    def __post_init__(self) -> None:
        if self.cores < 1 or self.memory_bytes < 0 or self.threads < 0:
            raise ValueError(
                "cores must be positive, memory_bytes and threads not negative: found "
                f"{self.cores}, {self.memory_bytes}, {self.threads}"
            )
        if list(self.versions) != sorted(dict(self.versions).items()):
            raise ValueError(f"versions must be sorted, each once: found {self.versions}")

    @property
    def memory(self) -> str:
        """Whole GiB: what a kernel keeps for itself changes with every update."""
        return f"{round(self.memory_bytes / _GIB)} GiB"

    @property
    def fingerprint(self) -> str:
        """Equal for two environments exactly when `differences` has none to tell of."""
        compared = [[str(getattr(self, name)) for name in _COMPARED], self.versions]
        return "sha256:" + hashlib.sha256(json.dumps(compared).encode()).hexdigest()


def differences(one: Environment, other: Environment) -> tuple[str, ...]:
    """Every reason not to compare them, as "onnxruntime-genai 0.18.0 against 0.17.1"."""
    return (*_in_fields(one, other), *_in_versions(one, other))


def _in_fields(one: Environment, other: Environment) -> Iterator[str]:
    for name in _COMPARED:
        here, there = getattr(one, name), getattr(other, name)
        if here != there:
            yield f"{name} {here or 'unknown'} against {there or 'unknown'}"


def _in_versions(one: Environment, other: Environment) -> Iterator[str]:
    here, there = dict(one.versions), dict(other.versions)
    for name in sorted(here.keys() | there.keys()):
        if here.get(name) != there.get(name):
            yield f"{name} {here.get(name, 'missing')} against {there.get(name, 'missing')}"
