"""ARC and OpenBookQA: school questions with labelled choices.

Rows are those of AI2's JSONL files (`question` with `stem` and `choices` of `text` and `label`),
of the data sets on Hugging Face (`question` or `question_stem`, `choices` with lists of `text` and
`label`), and of ARC's CSV files (a `question` that ends with "(A) red (B) blue").
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from harness.asking import Format
from harness.banks.dialect import Dialect, Fields, Question, choice_question, text_of
from harness.errors import ConfigError

_KEYS = ("answerKey", "AnswerKey")
_MARK = re.compile(r"\(([A-Z1-9])\)")


def _has_stem(row: Fields) -> bool:
    question = row.get("question")
    if isinstance(question, Mapping):
        return "stem" in question and "choices" in question
    return isinstance(question, str) and ("AnswerKey" in row or {"choices", "answerKey"} <= {*row})


def _has_own_stem(row: Fields) -> bool:
    return {"question_stem", "choices"} <= {*row} or _has_stem(row)


def _stem(row: Fields) -> str:
    question = row.get("question")
    if isinstance(question, Mapping):
        return text_of(question, "stem")
    if "question_stem" in row:
        return text_of(row, "question_stem")
    text = text_of(row, "question")
    return text if "choices" in row else text[: _marks(text)[0].start()].strip()


def _arc_prompt(row: Fields) -> str:
    return f"Question: {_stem(row)}\nAnswer:"


def _read_arc(row: Fields) -> Question:
    return _choosing(_arc_prompt(row), row)


def _read_openbookqa(row: Fields) -> Question:
    return _choosing(_stem(row), row)


def _choosing(prompt: str, row: Fields) -> Question:
    labels, texts = _choices(row)
    key = next((str(row[name]).strip() for name in _KEYS if name in row), "")
    if key not in labels:
        raise ConfigError(f"answerKey must be one of {', '.join(labels)}: found {key!r}")
    return choice_question(prompt, texts, labels.index(key))


def _choices(row: Fields) -> tuple[list[str], list[str]]:
    """Labels and texts, in their order."""
    question = row.get("question")
    given = question["choices"] if isinstance(question, Mapping) else row.get("choices")
    if given is None:
        return _in_text(text_of(row, "question"))
    try:
        if isinstance(given, Mapping):
            pairs = list(zip(given["label"], given["text"], strict=True))
        else:
            pairs = [(it["label"], it["text"]) for it in given]
        return [_text(label) for label, _ in pairs], [_text(text) for _, text in pairs]
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"choices must be texts with a label each, as many of both: found {given!r}"
        ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.strip()


def _in_text(text: str) -> tuple[list[str], list[str]]:
    marks = _marks(text)
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    texts = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    return [mark[1] for mark in marks], texts


def _marks(text: str) -> list[re.Match[str]]:
    """Those of the choices: the last that begin with A or 1 and go on from there."""
    found = list(_MARK.finditer(text))
    first = max((at for at, mark in enumerate(found) if mark[1] in "A1"), default=0)
    marks = found[first:]
    if len(marks) < 2 or any(ord(b[1]) - ord(a[1]) != 1 for a, b in pairwise(marks)):
        raise ConfigError(f"question must end with choices, '(A) red (B) blue': found {text!r}")
    return marks


ARC = Dialect(Format.ARC, "question, choices and answerKey", _has_stem, _arc_prompt, _read_arc)
OPENBOOKQA = Dialect(
    Format.OPENBOOKQA,
    "question_stem, choices and answerKey",
    _has_own_stem,
    _stem,
    _read_openbookqa,
)
"""Not told from ARC where rows have `stem`: the stem alone is asked where the format is stated."""
