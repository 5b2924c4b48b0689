"""What a variant said to a domain item."""

from dataclasses import dataclass, field

from harness.answer import Answer


@dataclass(frozen=True, slots=True)
class Reply:
    """The greedy answer to an item's chat.

    Of an item that offers choices `likelihoods` holds the log-likelihood in nats of each, in their
    order, `choice_tokens` how many tokens it was scored on, and nothing is generated.
    """

    answer: Answer = field(default_factory=Answer)
    likelihoods: tuple[float, ...] = ()
    choice_tokens: tuple[int, ...] = ()
