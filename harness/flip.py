"""A flip: an item whose answer became right or wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flip:
    """An item that a variant has right and the reference wrong, or the other way round.

    `prompt` is the user's last message. Scores are from 0 to 1; graded ones flip when they change
    by half.
    """

    variant: str
    item: str
    slice: str
    prompt: str
    expected: str
    answer: str
    reference_answer: str
    score: float
    reference_score: float

    @property
    def is_loss(self) -> bool:
        """Whether it was right before."""
        return self.score < self.reference_score
