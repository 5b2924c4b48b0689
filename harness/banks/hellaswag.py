"""HellaSwag: how a scene goes on, one of four endings."""

import re

from harness.asking import Format
from harness.banks.dialect import (
    Dialect,
    Fields,
    Question,
    choice_question,
    place_of,
    text_of,
    texts_of,
)

_BRACKETS = re.compile(r"\[.*?\]")


def _fits(row: Fields) -> bool:
    return {"endings", "label"} <= {*row} and bool({"ctx", "ctx_a"} & {*row})


def _cleaned(text: str) -> str:
    """Without what WikiHow's pages leave in brackets, as lm-evaluation-harness cleans it."""
    text = text.strip().replace(" [title]", ". ")
    return _BRACKETS.sub("", text).replace("  ", " ")


def _prompt(row: Fields) -> str:
    """The activity and the scene; the sentence that is to be ended begins with a capital."""
    if "ctx_a" in row:
        scene = f"{text_of(row, 'ctx_a')} {str(row.get('ctx_b') or '').capitalize()}"
    else:
        scene = text_of(row, "ctx")
    activity = f"{text_of(row, 'activity_label')}: " if row.get("activity_label") else ""
    return _cleaned(activity + scene)


def _read(row: Fields) -> Question:
    endings = [_cleaned(it) for it in texts_of(row, "endings")]
    return choice_question(_prompt(row), endings, place_of(row, "label", len(endings)))


HELLASWAG = Dialect(
    Format.HELLASWAG, "ctx (or ctx_a and ctx_b), endings and label", _fits, _prompt, _read
)
