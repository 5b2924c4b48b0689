"""Takes two variants' answers in adjacent pairs from one fresh pair of processes.

Warm until times are steady, then each request of a list once, whose order and whose first side are
random. `harness.speed` decides how many pairs of processes there are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.answer import Answer, Request
from harness.errors import InfrastructureError
from harness.metrics.latency import second_token_ms
from harness.stats import steady

Pair = tuple[Answer, Answer]
"""The variant's answer and the other one's to the same request."""

Ask = Callable[[int, Request], Answer]
"""Asks one side of the two: 0 is the variant, 1 the other one."""

Series = Mapping[str, Callable[[Sequence[Answer]], list[float]]]
"""What is taken of each answer, by name: TTFT, say."""


@dataclass(frozen=True, slots=True)
class ProcessPair:
    """What one pair of processes gave, in the order taken.

    `first` is what was asked before all else, where anything was. `uptime` holds equal requests
    asked after the others, to see what being in use does. `loads` are seconds to load in the new
    process, of both sides, and `reloads` to load once more, where that was measured. `trouble` says
    what disturbed them; empty when nothing did. `restless` holds the sides that had not settled
    though nothing did: 0 the variant, 1 the other one.
    """

    name: str
    warmups: tuple[Pair, ...] = ()
    pairs: tuple[Pair, ...] = ()
    uptime: tuple[Pair, ...] = ()
    loads: tuple[float, float] = (0.0, 0.0)
    reloads: tuple[float, float] | None = None
    trouble: str = ""
    restless: tuple[int, ...] = ()
    first: Pair | None = None

    @property
    def timed(self) -> tuple[Pair, ...]:
        """Every pair after the warm-up."""
        return (*self.pairs, *self.uptime)

    @property
    def opening_s(self) -> tuple[float, float]:
        """Seconds that a user waits once, of both sides: for the load, and in the same process for
        the second token of the first answer. What an engine puts off at the one it does at the
        other. 0 for the answer where none was asked for.
        """
        mine, theirs = (
            (it / 1e3 for it in second_token_ms(self.first)) if self.first else (0.0, 0.0)
        )
        return self.loads[0] + mine, self.loads[1] + theirs


class Pairing:
    """Two running processes that are asked the same, one right after the other."""

    def __init__(
        self,
        ask: Ask,
        random: np.random.Generator,
        names: tuple[str, str] = ("the variant", "the other one"),
    ) -> None:
        self._ask = ask
        self._random = random
        self._names = names

    def each(self, requests: Sequence[Request]) -> list[Pair]:
        """Every request once, in random order."""
        return [self.one(requests[at]) for at in self._random.permutation(len(requests))]

    def one(self, request: Request) -> Pair:
        """Both answers, a coin says who is first.

        Raises InfrastructureError where one gave fewer tokens and both were to go on: less work is
        no speed, and it may be the runtime that cannot pass over an answer's end.
        """
        order = (0, 1) if self._random.random() < 0.5 else (1, 0)
        answers = {side: self._ask(side, request) for side in order}
        if not request.stop_at_end:
            self._require_equal(answers)
        return answers[0], answers[1]

    def _require_equal(self, answers: Mapping[int, Answer]) -> None:
        given = {side: len(it.token_ids) for side, it in answers.items()}
        if given[0] != given[1]:
            fewer = min(given, key=lambda side: given[side])
            raise InfrastructureError(
                f"{self._names[fewer]} gave {given[fewer]} new tokens where "
                f"{self._names[1 - fewer]} gave {given[1 - fewer]} to the same request, which was "
                "to go on past the end of an answer: their times cannot be compared"
            )

    def warm_up(self, request: Request, series: Series, most: int) -> list[Pair]:
        """One request again and again, until no time of either side rises or falls any more."""
        pairs: list[Pair] = []
        while len(pairs) < most and not _is_steady(pairs, series):
            pairs.append(self.one(request))
        return pairs


def unsettled(warmups: Sequence[Pair], series: Series) -> tuple[int, ...]:
    """The sides whose times still rise or fall after some warm-ups, so that what follows is not to
    be relied on: 0 the variant, 1 the other one. None after no warm-ups at all.
    """
    if not warmups:
        return ()
    return tuple(side for side in (0, 1) if not _is_side_steady(warmups, series, side))


def _is_steady(pairs: Sequence[Pair], series: Series) -> bool:
    return all(_is_side_steady(pairs, series, side) for side in (0, 1))


def _is_side_steady(pairs: Sequence[Pair], series: Series, side: int) -> bool:
    last = pairs[-steady.WINDOW :]
    return len(pairs) >= steady.WINDOW and all(
        steady.is_steady(sides(last, take)[side]) for take in series.values()
    )


def sides(
    pairs: Sequence[Pair], take: Callable[[Sequence[Answer]], list[float]]
) -> NDArray[np.float64]:
    """A series of both sides, shaped (2, pairs)."""
    return np.array([take([pair[side] for pair in pairs]) for side in (0, 1)], float)
