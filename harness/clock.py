"""The time of a session: what its checks will take, what they took, what is left of a budget."""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CheckOf = tuple[str, str]
"""A check's ``suite.check`` and a variant's name."""

_SPARE = 0.04  # of a budget is for the verdict and the reports
_PACE_FROM = 10.0  # foreseen seconds, before what was foreseen is corrected by what was spent
_MOST_PACE = 3.0
_CHEAP_SECONDS = 1.0
_LEAST_SHARE = 0.8  # of what a check takes must be left, or it is not begun


@dataclass(slots=True)
class Clock:
    """`foreseen` are the seconds of each check that is to be made, `total` those of the budget,
    infinite where there is none. As the checks so far took longer or shorter than was foreseen, so
    will the others.
    """

    foreseen: Mapping[CheckOf, float]
    total: float = math.inf
    began: float = field(default_factory=time.monotonic)
    done: dict[CheckOf, float] = field(default_factory=dict)
    failed: set[CheckOf] = field(default_factory=set)
    left_out: set[CheckOf] = field(default_factory=set)
    running: tuple[CheckOf, float] | None = None

    @property
    def left(self) -> float:
        """Seconds of the budget that are left."""
        return self.total * (1 - _SPARE) - (time.monotonic() - self.began)

    @property
    def pace(self) -> float:
        """Seconds spent for each that was foreseen."""
        done = dict(self.done)
        foreseen = sum(self.foreseen.get(check, 0.0) for check in done)
        if foreseen < _PACE_FROM:
            return 1.0
        return min(_MOST_PACE, max(1 / _MOST_PACE, sum(done.values()) / foreseen))

    def to_come(self) -> float:
        """Seconds that the checks will take that are not done, the running one its rest."""
        pace, running = self.pace, self.running
        over = {*self.done, *self.failed, *self.left_out}
        seconds = {it: pace * found for it, found in self.foreseen.items() if it not in over}
        if running is not None and running[0] in seconds:
            check, began = running
            seconds[check] = max(0.0, seconds[check] - (time.monotonic() - began))
        return sum(seconds.values())

    def until_end(self) -> float:
        """Seconds that the session will go on for: what is to come, as far as the budget has it."""
        return max(0.0, min(self.left, self.to_come()))

    @property
    def slack(self) -> float:
        """Seconds that may be spent beyond what is foreseen."""
        return math.inf if math.isinf(self.total) else self.left - self.to_come()

    def is_short_for(self, check: CheckOf) -> bool:
        """Whether what is left of the budget is too little for a check, which is then left out; of
        all variants from then on, for they share what is dearest.
        """
        name, _ = check
        if math.isinf(self.total):
            return False
        seconds = self.pace * self.foreseen.get(check, 0.0)
        is_dear = seconds > _CHEAP_SECONDS  # what is cheap is made whatever is left
        if is_dear and self.left < seconds * _LEAST_SHARE:
            self.left_out.add(check)
        if name in {it for it, _ in self.left_out}:
            self.left_out.add(check)
        return check in self.left_out

    def leave_out(self, checks: Iterable[CheckOf]) -> None:
        """Checks that there will be no time for; what is cheap is made all the same."""
        self.left_out |= {it for it in checks if self.foreseen.get(it, 0.0) > _CHEAP_SECONDS}

    def start(self, check: CheckOf) -> None:
        """A check begins."""
        self.running = (check, time.monotonic())

    def finish(self, is_measured: bool = True) -> None:
        """It has ended; what was not measured says nothing of how long others take."""
        running, self.running = self.running, None
        if running is not None and is_measured:
            check, began = running
            self.done[check] = time.monotonic() - began
        elif running is not None:
            self.failed.add(running[0])
