"""A simulated process that leaks: the leak protocol's own soak, on levels that are drawn."""

import math
from collections.abc import Sequence
from typing import cast

import numpy as np

from harness.answer import Request
from harness.error_rates.case import Case
from harness.error_rates.noise import NOISE
from harness.measurement import Measurement
from harness.metrics.memory import request_labels
from harness.probes.memory import Memory
from harness.runtimes.channel import Cycles
from harness.runtimes.isolated import Isolated
from harness.soak import Counter, Kind, run_of, soak

_KIB = 2**10
_BASE_KIB = 40_000
_REQUESTS = {Kind.REFUSED: 10}
_USUAL_REQUESTS = 20
_FADE = 3  # cycles in which the warm-up falls by a factor e


def growth(case: Case, figure: float, random: np.random.Generator) -> list[Measurement]:
    """Levels after cycles of every kind of request, of which one leaks."""
    counter = Counter(case.rule.metric.partition(".")[2])
    leaking = list(Kind)[random.integers(len(Kind))]
    labels: list[str] = []
    levels: list[float] = []
    for kind in Kind:
        requests = _REQUESTS.get(kind, _USUAL_REQUESTS)
        process = _Process(counter, figure * requests if kind is leaking else 0.0, random)
        run = run_of(kind, case.policy.plan, [case.rule], case.precision)
        cycle = (Request(text="?"),) * requests
        found = soak(cast(Isolated, process), kind, cycle, run)
        labels += request_labels(kind, requests, len(found.samples))
        levels += [level / _KIB for level in found.levels(counter) if level is not None]
    return [case.sample(levels, (), tuple(labels))]


class _Process:
    """Answers as a runtime does whose memory is counted after each cycle."""

    def __init__(self, counter: Counter, leak: float, random: np.random.Generator) -> None:
        self._counter, self._leak, self._random = counter, leak, random
        self._cycles = 0

    def run_cycles(self, cycle: Sequence[Request], cycles: int, allowed_bytes: int) -> Cycles:
        del allowed_bytes
        samples = tuple(self._memory() for _ in range(cycles))
        return Cycles(samples, (1.0,) * cycles, len(cycle) * cycles, 0)

    run_tokenizer_cycles = run_cycles

    def _memory(self) -> Memory:
        self._cycles += 1
        settled = -NOISE.warm_up * math.exp(-self._cycles / _FADE)
        spread = NOISE.private if self._counter is Counter.PRIVATE else NOISE.heap
        level = _BASE_KIB + settled + self._leak * self._cycles + self._random.normal(0, spread)
        size = int(level * _KIB)
        return Memory(size, 0, size, size, size)
