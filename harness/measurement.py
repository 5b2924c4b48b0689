"""A measurement: raw values of one metric of one variant, checked on entry."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """Raw values, never summaries; every summary is derived from them.

    `metric` is ``suite.what`` ("latency.itl"), `unit` what one value is in. `values` holds the
    variant's, in the order taken. Where another variant was measured beside it, `reference_values`
    holds that one's, index by index from the same pair. `labels` names what each value belongs to
    (slice, item, length), again index by index. `environment` is the fingerprint of where it was
    measured. `clusters` names the process, or the pair of processes, that each value was taken in,
    index by index; empty where all come of one.

    `room` is what values can grow to, in their unit, 0 where it does not matter.
    `beside` names the variant that the reference values are of. `planned` is the size that a run
    with looks at its data was made for (`harness.stats.sequential`), in values or, where there are
    clusters, in these; 0 for a run of fixed size.
    `warmups` and `reference_warmups` are what was measured before the values, in order taken.
    `disturbance` says what disturbed the machine meanwhile, empty when nothing did; `absence` why
    there are no values, where it was not the variant's doing.
    """

    suite: str
    metric: str
    variant: str
    unit: str
    values: tuple[float, ...]
    environment: str
    reference_values: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    beside: str = ""
    planned: int = 0
    warmups: tuple[float, ...] = ()
    reference_warmups: tuple[float, ...] = ()
    disturbance: str = ""
    absence: str = ""
    room: float = 0.0

    def __post_init__(self) -> None:
        if not self.metric.startswith(f"{self.suite}."):
            raise ValueError(f"metric {self.metric!r} is not of the suite {self.suite!r}")
        for key in ("reference_values", "labels", "clusters"):
            size = len(getattr(self, key))
            if size not in (0, len(self.values)):
                raise ValueError(f"{self.metric}: {len(self.values)} values but {size} {key}")
        if self.absence and self.values:
            raise ValueError(f"{self.metric}: has values, and why there are none: {self.absence}")
        if self.planned < 0:
            raise ValueError(f"{self.metric}: planned must not be negative: found {self.planned}")
        warmups = (*self.warmups, *self.reference_warmups)
        for value in (*self.values, *self.reference_values, *warmups):
            if not math.isfinite(value):
                raise ValueError(f"{self.metric}: a value is {value}, count such cases instead")
