"""Minutes and memory of every check, from a pilot's rates and the size of the session."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from harness.clock import CheckOf
from harness.planning.checks import CHECKS, IN_ONE_GO, OF_ALL, TOGETHER
from harness.planning.cost import SOURCE, Cost
from harness.planning.pilot import Pilot
from harness.planning.shape import Shape
from harness.planning.work import Rates

_SOURCE_SLOWER = 1.5  # transformers on torch beside the engine, in float32
_SOURCE_SECONDS = 8.0  # to import torch and transformers
_CHEAP_SECONDS = 0.05  # of a check that asks no model


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds by check and variant, requests and bytes by suite."""

    seconds: Mapping[CheckOf, float]
    requests: Mapping[str, float]
    peak_bytes: Mapping[str, float]

    @property
    def total(self) -> float:
        """Seconds of all checks."""
        return sum(self.seconds.values())

    @property
    def suites(self) -> dict[str, float]:
        """Seconds by suite, in the order of the checks."""
        found: dict[str, float] = {}
        for (check, _), seconds in self.seconds.items():
            suite = check.partition(".")[0]
            found[suite] = found.get(suite, 0.0) + seconds
        return found


def forecast(shape: Shape, pilots: Mapping[str, Pilot], checks: Iterable[CheckOf]) -> Forecast:
    """Of the checks that are to run; every variant of the shape has a pilot."""
    rates = {name: it.rates for name, it in pilots.items()}
    rates[SOURCE] = source_rates(rates[shape.reference])
    asked = [*checks]
    # the reference reads along, where its own check is not to run
    unasked = {it for it, _ in asked if it in IN_ONE_GO and (it, shape.reference) not in asked}
    costs = {
        (check, name): CHECKS[check](shape, name) if check in CHECKS else Cost()
        for check, name in [*asked, *((it, shape.reference) for it in unasked)]
    }
    seconds = _booked({it: cost.takes(rates) for it, cost in costs.items()}, shape)
    requests: dict[str, float] = {}
    for (check, _), cost in costs.items():
        suite = check.partition(".")[0]
        requests[suite] = requests.get(suite, 0.0) + cost.requests
    return Forecast(
        {it: found + _CHEAP_SECONDS for it, found in seconds.items()},
        requests,
        {it: suite_bytes(it, shape, pilots) for it in requests},
    )


def _booked(seconds: Mapping[CheckOf, float], shape: Shape) -> dict[CheckOf, float]:
    """Each where it is spent: the first of several that are asked together waits for all."""
    found: dict[CheckOf, float] = {}
    for (check, name), spent in seconds.items():
        payer = (check, name)
        if check in IN_ONE_GO or (check in OF_ALL and shape.all_together > 1):
            payer = next((booked for booked in found if booked[0] == check), payer)
        elif check in TOGETHER and shape.together(name) > 1:
            payer = next((booked for booked in found if _alike(booked, payer, shape)), payer)
        found[check, name] = 0.0
        found[payer] += spent
    return found


def _alike(one: CheckOf, other: CheckOf, shape: Shape) -> bool:
    return one[0] == other[0] and shape.roles[one[1]] is shape.roles[other[1]]


def source_rates(reference: Rates) -> Rates:
    """What the checkpoint in transformers takes, which no pilot asks: it takes long to load."""
    return replace(reference.slower(_SOURCE_SLOWER), starts=reference.starts + _SOURCE_SECONDS)


def suite_bytes(suite: str, shape: Shape, pilots: Mapping[str, Pilot]) -> float:
    """The most memory that the processes of a suite take together.

    Each variant keeps one process all along; the others are started for a while, of some variants
    at the same time.
    """
    kept = sum(it.base for it in pilots.values())
    peaks = sorted((it.peak_bytes(shape.longest) for it in pilots.values()), reverse=True)
    together = sum(peaks[: max(map(shape.together, shape.roles))])
    prompt = int(shape.prompt)
    one = max(it.peak_bytes(prompt) for it in pilots.values())
    more = {
        "scaling": sum(peaks),
        "memory": together,
        "edge_cases": together,
        "precision": kept + one,  # the controls are as large as their candidates
        "latency": 2 * one,
        "accuracy": 2 * (shape.at_once - 1) * one,
        "foundry": shape.all_together * one,
    }
    return kept + more.get(suite, one)
