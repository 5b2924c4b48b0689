"""GSM8K: a word problem, whose worked answer ends with "#### 72"."""

from harness.asking import Format
from harness.banks.dialect import Dialect, Fields, Question, text_of
from harness.errors import ConfigError
from harness.item import Scorer

_MARK = "####"
_UNTIL = ("\nQuestion:",)  # a base model asks and answers the next one itself
_NEW_TOKENS = 256  # as many as lm-evaluation-harness allows


def _fits(row: Fields) -> bool:
    return isinstance(row.get("question"), str) and _MARK in str(row.get("answer"))


def _prompt(row: Fields) -> str:
    return f"Question: {text_of(row, 'question')}\nAnswer:"


def _read(row: Fields) -> Question:
    """Right is a reply whose last number is that one: the task's ``flexible-extract``."""
    answer = text_of(row, "answer")
    number = answer.rpartition(_MARK)[2].strip().replace(",", "").replace("$", "")
    if not number:
        raise ConfigError(f"answer must end with '{_MARK}' and a number: found {answer[-20:]!r}")
    return Question(
        _prompt(row),
        number,
        scorer=Scorer.NUMERIC,
        shown=answer,
        max_new_tokens=_NEW_TOKENS,
        until=_UNTIL,
    )


GSM8K = Dialect(
    Format.GSM8K, "question, and answer that ends with '#### 72'", _fits, _prompt, _read
)
