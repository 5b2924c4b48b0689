"""PIQA: a goal and two ways to it, whose labels may stand in a file of their own."""

from harness.asking import Format
from harness.banks.dialect import Dialect, Fields, Question, choice_question, place_of, text_of
from harness.errors import ConfigError


def _fits(row: Fields) -> bool:
    return {"goal", "sol1", "sol2"} <= {*row}


def _prompt(row: Fields) -> str:
    return f"Question: {text_of(row, 'goal')}\nAnswer:"


def _read(row: Fields) -> Question:
    if "label" not in row:
        raise ConfigError("it has no label: name the file of labels as [data] labels")
    solutions = [text_of(row, "sol1"), text_of(row, "sol2")]
    return choice_question(_prompt(row), solutions, place_of(row, "label", 2))


PIQA = Dialect(
    Format.PIQA, "goal, sol1 and sol2, with label or a file of labels", _fits, _prompt, _read
)
