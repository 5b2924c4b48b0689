"""A domain item: a chat, the answer that is right, and how rightness is judged."""

import json
from dataclasses import dataclass
from enum import StrEnum

from harness.answer import Messages
from harness.errors import ConfigError


class Scorer(StrEnum):
    """How an answer is compared with the expected one."""

    EXACT = "exact"  # the same text, white space at the ends aside
    NORMALIZED = "normalized"  # case, punctuation and white space aside
    CONTAINS = "contains"  # the expected text occurs, case aside
    JSON = "json"  # both are JSON and equal as values


@dataclass(frozen=True, slots=True)
class Item:
    """One held-out question; `messages` are (role, content) pairs, the last one the user's."""

    id: str
    messages: Messages
    expected: str
    slice: str = "all"
    scorer: Scorer = Scorer.EXACT
    max_new_tokens: int = 64

    def __post_init__(self) -> None:
        if not self.messages or self.messages[-1][0] != "user":
            raise ConfigError("messages must end with one of role 'user'")
        if self.max_new_tokens < 1:
            raise ConfigError(f"max_new_tokens must be at least 1: found {self.max_new_tokens}")
        self._require_decidable()

    def _require_decidable(self) -> None:
        """Refuse what every answer would match, or none."""
        if self.scorer is Scorer.CONTAINS and not self.expected.strip():
            raise ConfigError("every answer contains an empty text: give what is expected")
        if self.scorer is Scorer.JSON:
            try:
                json.loads(self.expected)
            except ValueError as error:
                raise ConfigError(f"expected is not JSON ({error}): {self.expected!r}") from error
