"""A domain item: a chat, the answer that is right, and how rightness is judged."""

import math
from dataclasses import dataclass
from enum import StrEnum

from harness.answer import Messages
from harness.asking import Normalize
from harness.errors import ConfigError


class Scorer(StrEnum):
    """How an answer is compared with the expected one; see `harness.metrics.scorers`."""

    EXACT = "exact"  # the same text, white space at the ends aside
    NORMALIZED = "normalized"  # case, punctuation and white space aside
    CONTAINS = "contains"  # the expected text occurs, case aside
    REGEX = "regex"  # the expected pattern is found
    NUMERIC = "numeric"  # the number is the expected one, within the tolerance
    CHOICE = "choice"  # of all choices the expected one is the likeliest; nothing is generated
    LISTED = "listed"  # the chat lists choices, and the answer names the expected one
    JSON = "json"  # both are JSON and equal as values
    JSON_FIELDS = "json_fields"  # both are JSON: F1 of the fields
    ROUGE_L = "rouge_l"  # F1 of the longest common subsequence of words
    CHRF = "chrf"  # F score of character n-grams
    FUNCTION = "function"  # what the user's own function says


@dataclass(frozen=True, slots=True)
class Item:
    """One held-out question; `messages` are (role, content) pairs, the last one the user's.

    Some fields are for one scorer: `choices` are the texts of which one is expected; a number may
    be off by `tolerance`, or by `relative_tolerance` of the expected one; `schema` is the text of a
    JSON Schema that an answer in JSON must fit; `function` is a ``package.module:name``;
    `normalize` says how likelihoods of choices are compared.
    `until` are texts, at the first of which an answer ends before it is compared: a base model goes
    on. `chance` is the share of guesses that are right, where it is stated (0.5 for a question of
    yes or no) or known of its slice (`harness.guesses`); see `chance_level`.
    """

    id: str
    messages: Messages
    expected: str
    slice: str = "all"
    scorer: Scorer = Scorer.EXACT
    max_new_tokens: int = 64
    choices: tuple[str, ...] = ()
    tolerance: float = 0.0
    relative_tolerance: float = 0.0
    schema: str = ""
    function: str = ""
    chance: float | None = None
    normalize: Normalize = Normalize.BYTE
    until: tuple[str, ...] = ()

    @property
    def chance_level(self) -> float:
        """The share of guesses that are right: as stated, else one of all choices, else none."""
        return max(self.chance or 0.0, self._least_chance)

    @property
    def _least_chance(self) -> float:
        return 1 / len(self.choices) if self.choices else 0.0

    @property
    def asked(self) -> tuple[Messages, frozenset[str]]:
        """What two items that ask the same have both: PIQA asks of one goal with other choices."""
        return self.messages, frozenset(self.choices)

    def __post_init__(self) -> None:
        if not self.messages or self.messages[-1][0] != "user":
            raise ConfigError("messages must end with one of role 'user'")
        if self.max_new_tokens < 1:
            raise ConfigError(f"max_new_tokens must be at least 1: found {self.max_new_tokens}")
        for key in ("tolerance", "relative_tolerance"):
            value = getattr(self, key)
            if not 0 <= value < math.inf:
                raise ConfigError(f"{key} must be a number of at least 0: found {value}")
        if self.relative_tolerance >= 1:
            raise ConfigError(
                "relative_tolerance is a share of the expected number, under 1 (0.05 is 5 %): "
                f"found {self.relative_tolerance}"
            )
        self._require_chance()
        self._refuse_what_nobody_reads()

    def _require_chance(self) -> None:
        if self.chance is None:
            return
        if not 0 <= self.chance < 1:
            raise ConfigError(
                "chance is the share of guesses that are right, 0 to under 1 (0.5 is 50 %): "
                f"found {self.chance}"
            )
        if self.chance < self._least_chance - _ROUNDED:
            raise ConfigError(
                f"chance must be at least {self._least_chance:.4g} of {len(self.choices)} choices: "
                f"found {self.chance:g}"
            )

    def _refuse_what_nobody_reads(self) -> None:
        if "" in self.until:
            raise ConfigError("until must be texts that are not empty")
        for key, scorers in _READ_BY.items():
            value = getattr(self, key)
            if value and value is not Normalize.BYTE and self.scorer not in scorers:
                names = " or ".join(repr(it.value) for it in scorers)
                raise ConfigError(f"{key} is for the scorer {names}: found {self.scorer.value!r}")


_ROUNDED = 1e-3  # 0.333 is said of one in three
_READ_BY = {
    "choices": (Scorer.CHOICE, Scorer.LISTED),
    "tolerance": (Scorer.NUMERIC,),
    "relative_tolerance": (Scorer.NUMERIC,),
    "schema": (Scorer.JSON, Scorer.JSON_FIELDS),
    "function": (Scorer.FUNCTION,),
    "normalize": (Scorer.CHOICE,),
    "until": tuple(it for it in Scorer if it is not Scorer.CHOICE),
}
