"""What one check costs: the work of each variant, and what does not hang on a model's speed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.planning.work import Rates, Work

SOURCE = "the source"
"""By this name the rates of the checkpoint in transformers go."""


@dataclass(frozen=True, slots=True)
class Cost:
    """`work` by variant; `at_once` processes share it. `seconds` are the gate's own."""

    work: Mapping[str, Work] = field(default_factory=dict)
    at_once: int = 1
    seconds: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        names = dict.fromkeys([*self.work, *other.work])
        both = {it: self.work.get(it, Work()) + other.work.get(it, Work()) for it in names}
        return Cost(both, max(self.at_once, other.at_once), self.seconds + other.seconds)

    @property
    def requests(self) -> float:
        """Of all variants."""
        return sum(work.requests for work in self.work.values())

    def takes(self, rates: Mapping[str, Rates]) -> float:
        """Seconds of all of it."""
        asked = sum(rates[name].seconds(work) for name, work in self.work.items())
        return asked / self.at_once + self.seconds
