"""What the gate and its worker say to each other: pickles, and the values only they use.

Only our own child's pickles are ever read, over a pipe that nobody else holds.
"""

import pickle
from dataclasses import dataclass
from typing import IO

from harness.probes.memory import Memory


@dataclass(frozen=True, slots=True)
class Question:
    """The name of a public method of `harness.runtimes.worker.Worker`, and its arguments."""

    method: str
    arguments: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Cycles:
    """Memory at the end of each repetition of a plan, and what became of its requests.

    `seconds` are those of the requests of each repetition. There are fewer repetitions than asked
    for where they would have taken more memory than they were allowed.
    """

    samples: tuple[Memory, ...]
    seconds: tuple[float, ...]
    requests: int
    errors: int
    first_error: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Memory while the context of one answer is held, and after it was let go."""

    held: Memory
    released: Memory


@dataclass(frozen=True, slots=True)
class Reload:
    """A close and a load in one process: memory before, in between (nothing loaded) and after."""

    load_seconds: float
    before: Memory
    closed: Memory
    after: Memory


def write(stream: IO[bytes], value: object) -> None:
    """Send one value; OSError (the other side is gone) passes through."""
    pickle.dump(value, stream, protocol=5)
    stream.flush()


def read(stream: IO[bytes]) -> object:
    """Receive one value; EOFError or UnpicklingError where the other side ended."""
    return pickle.load(stream)
