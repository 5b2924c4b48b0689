"""One plan, several processes of a variant: where the engine leaves cores idle, items cost less."""

import math
import queue
import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.answer import Answer, Request
from harness.runtimes.isolated import Isolated

SAMPLE = 16
"""Requests that are asked of one process to see what it costs."""

_MOST = 8
_LEAST_BUSY = 0.5  # of a core; less is spent where somebody else computes: on a GPU, in a server
_NEARLY = 0.1  # of a core, which the system and the gate may take
_PART_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Cost:
    """What a request costs: its seconds, and how many cores are busy meanwhile."""

    seconds: float
    cores: float


def cost(answers: Sequence[Answer]) -> Cost:
    """The median request's, of those that one process answered alone: the first one warms up."""
    spent = [(it.ended_ns - it.started_ns, it.cpu_ns) for it in answers]
    timed = [(wall_ns, cpu_ns / wall_ns) for wall_ns, cpu_ns in spent if wall_ns > 0]
    if not timed:
        return Cost(0.0, 0.0)
    wall_ns, cores = map(statistics.median, zip(*timed, strict=True))
    return Cost(wall_ns / 1e9, cores)


def worthwhile(each: Cost, requests: int, start_seconds: float, cores: int, room: int) -> int:
    """How many processes answer so many requests soonest: as many as keep the cores busy.

    One where the engine itself uses all cores, or none, and where starting another takes longer
    than it would save. There is memory for `room`, and never are there more than eight.
    """
    if each.cores < _LEAST_BUSY:
        return 1
    idle = int(cores / max(1.0, each.cores) + _NEARLY)
    worth = int(each.seconds * requests / start_seconds) if start_seconds else idle
    return max(1, min(idle, worth, room, _MOST))


def ask_at_once(
    runtimes: Sequence[Isolated], plan: Sequence[Request], seconds: float
) -> list[Answer]:
    """Answers to a plan in its order; each runtime takes the next part of it when it is free.

    `seconds` is what a request is expected to take. Raises what a runtime raises.
    """
    if len(runtimes) == 1:
        return runtimes[0].run(plan) if plan else []
    most = max(1, math.ceil(len(plan) / len(runtimes)))
    size = min(math.ceil(_PART_SECONDS / seconds), most)
    parts = [plan[first : first + size] for first in range(0, len(plan), size)]
    free: queue.SimpleQueue[Isolated] = queue.SimpleQueue()
    for runtime in runtimes:
        free.put(runtime)

    def ask(part: Sequence[Request]) -> list[Answer]:
        runtime = free.get()
        try:
            return runtime.run(part)
        finally:
            free.put(runtime)

    with ThreadPoolExecutor(len(runtimes)) as pool:
        return [answer for answers in pool.map(ask, parts) for answer in answers]
