"""BoolQ: a passage, and a question about it that is answered by yes or no.

`answer` is true or false in the repository's JSONL, and is called `label` in SuperGLUE's.
"""

from harness.asking import Format, Normalize
from harness.banks.dialect import Dialect, Fields, Question, text_of
from harness.errors import ConfigError

_NO, _YES = "no", "yes"
_TRUTHS = {"true": True, "false": False, "1": True, "0": False, _YES: True, _NO: False}


def _fits(row: Fields) -> bool:
    return {"question", "passage"} <= {*row} and bool({"answer", "label"} & {*row})


def _prompt(row: Fields) -> str:
    question = text_of(row, "question").strip().removesuffix("?")
    return f"{text_of(row, 'passage')}\nQuestion: {question}?\nAnswer:"


def _read(row: Fields) -> Question:
    key = "answer" if "answer" in row else "label"
    is_so = _TRUTHS.get(str(row[key]).strip().casefold())
    if is_so is None:
        raise ConfigError(f"{key} must be true or false: found {row[key]!r}")
    right = _YES if is_so else _NO
    return Question(_prompt(row), right, (_NO, _YES), normalize=Normalize.NONE)


BOOLQ = Dialect(Format.BOOLQ, "question, passage and answer (or label)", _fits, _prompt, _read)
