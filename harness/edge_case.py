"""An edge case: something that users really send, as the pack declares it."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.answer import Request
from harness.errors import ConfigError


@dataclass(frozen=True, slots=True)
class EdgeCase:
    """Exactly one of `text`, sent as a user's message `repeat` times over, and `context_plus`,
    a prompt of that many tokens more than the context (less, when negative)."""

    name: str
    text: str | None = None
    repeat: int = 1
    context_plus: int | None = None
    max_new_tokens: int = 16

    def __post_init__(self) -> None:
        if (self.text is None) == (self.context_plus is None):
            found = "neither" if self.text is None else "both"
            raise ConfigError(
                f"edge case {self.name}: give either text or context_plus: found {found}"
            )

    def request(self, context: int, prompt: Callable[[int], tuple[int, ...]]) -> Request:
        """The case as a request; `context` in tokens, `prompt` makes one of so many tokens."""
        if self.context_plus is not None:
            tokens = prompt(context + self.context_plus)
            return Request(token_ids=tokens, max_new_tokens=self.max_new_tokens)
        assert self.text is not None
        messages = (("user", self.text * self.repeat),)
        return Request(messages=messages, max_new_tokens=self.max_new_tokens)
