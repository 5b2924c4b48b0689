"""What every scorer is: a check of items, made when they are read, and a grade of replies."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from harness.item import Item
from harness.reply import Reply


@dataclass(frozen=True, slots=True)
class Grade:
    """A score from 0, wrong, to 1, right.

    `is_valid` says whether the answer has the format that the scorer asks for; None where it asks
    for none.
    """

    score: float
    is_valid: bool | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.score) and 0 <= self.score <= 1):
            raise ValueError(f"a score must be from 0 to 1: found {self.score}")


@dataclass(frozen=True, slots=True)
class Scoring:
    """One way to score.

    `check` raises ConfigError for an item of which every answer would be right, or none. `grade`
    raises ConfigError for what is a mistake in the item and shows in a reply only.
    """

    grade: Callable[[Item, Reply], Grade]
    check: Callable[[Item], None] = lambda item: None
