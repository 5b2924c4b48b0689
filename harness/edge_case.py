"""An edge case: something that users really send, as a pack declares it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.answer import Messages, Request, Sampling, is_question
from harness.errors import ConfigError
from harness.metrics.edge_cases import Expected

_INPUTS = ("text", "turns", "hexadecimal", "context_plus")


@dataclass(frozen=True, slots=True)
class EdgeCase:
    """Exactly one input: `text`, a user's message, `repeat` times over; `turns`, a whole chat as
    (role, content) pairs; `hexadecimal`, bytes that are no UTF-8, as a user's message; or
    `context_plus`, a prompt of that many tokens more than the context (less, when negative).

    With `cut_tokens` a text's own tokens are sent without the last so many, and without a template:
    they end within a character. `cancel_after` stops the answer after that many tokens. `expected`
    says how it must end.
    """

    name: str
    text: str | None = None
    repeat: int = 1
    turns: Messages | None = None
    hexadecimal: str | None = None
    context_plus: int | None = None
    cut_tokens: int = 0
    max_new_tokens: int = 16
    cancel_after: int | None = None
    sampling: Sampling | None = None
    expected: Expected = Expected.EITHER

    def __post_init__(self) -> None:
        given = [key for key in _INPUTS if getattr(self, key) is not None]
        if len(given) != 1:
            raise ConfigError(
                f"edge case {self.name}: give one of {', '.join(_INPUTS)}: "
                f"found {' and '.join(given) or 'none'}"
            )
        if self.cut_tokens and self.text is None:
            raise ConfigError(f"edge case {self.name}: cut_tokens needs text: found {given[0]}")
        if self.cut_tokens < 0 or self.repeat < 1:
            raise ConfigError(
                f"edge case {self.name}: cut_tokens must be 0 or more and repeat 1 or more: "
                f"found {self.cut_tokens} and {self.repeat}"
            )
        try:
            self.messages()
            Request(text="", max_new_tokens=self.max_new_tokens, cancel_after=self.cancel_after)
        except ValueError as error:
            raise ConfigError(f"edge case {self.name}: {error}") from error

    @property
    def is_chat(self) -> bool:
        """Whether it cannot be asked of a model without chats."""
        return self.turns is not None and not is_question(self.turns)

    def messages(self) -> Messages | None:
        """The chat that is sent; None for a prompt of tokens."""
        if self.turns is not None:
            return self.turns
        if self.hexadecimal is not None:
            text = bytes.fromhex(self.hexadecimal).decode("utf-8", "surrogateescape")
            return (("user", text),)
        if self.text is None or self.cut_tokens:
            return None
        return (("user", self.text * self.repeat),)

    def request(
        self,
        context: int,
        prompt: Callable[[int], tuple[int, ...]],
        encode: Callable[[str], Sequence[int]],
    ) -> Request:
        """The case as a request; `context` in tokens, `prompt` makes one of so many tokens."""
        messages, tokens = self.messages(), None
        if self.context_plus is not None:
            tokens = prompt(context + self.context_plus)
        elif self.cut_tokens:
            assert self.text is not None
            tokens = tuple(encode(self.text * self.repeat)[: -self.cut_tokens])
        return Request(
            messages=messages,
            token_ids=tokens,
            max_new_tokens=self.max_new_tokens,
            cancel_after=self.cancel_after,
            sampling=self.sampling,
        )


def merged(*packs: Sequence[EdgeCase]) -> tuple[EdgeCase, ...]:
    """Every case of all packs; of two of one name the later one, in the first one's place."""
    return tuple({case.name: case for pack in packs for case in pack}.values())


def replaced(pack: Sequence[EdgeCase], later: Sequence[EdgeCase]) -> tuple[str, ...]:
    """Names of the cases that a later pack changes."""
    before = {case.name: case for case in pack}
    return tuple(it.name for it in later if before.get(it.name, it) != it)
