import pytest

from harness.asking import Format
from harness.banks.arc import ARC, OPENBOOKQA
from harness.banks.known import DIALECTS, dialect_of, recognize
from harness.errors import ConfigError
from tests.banks import test_arc as arc
from tests.banks import test_dialects as others

ROWS = [
    (arc.NESTED, Format.ARC),
    (arc.FLAT, Format.ARC),
    (arc.SHEET, Format.ARC),
    (arc.OPEN, Format.OPENBOOKQA),
    (others.YES_NO | {"answer": True}, Format.BOOLQ),
    (others.YES_NO | {"label": True, "idx": 1}, Format.BOOLQ),
    (others.SCENE, Format.HELLASWAG),
    (others.WAYS, Format.PIQA),
    ({"goal": "a", "sol1": "b", "sol2": "c"}, Format.PIQA),
    (others.PROBLEM, Format.GSM8K),
]


@pytest.mark.parametrize(("row", "expected"), ROWS)
def test_a_row_is_recognized_by_its_fields_and_by_one_dialect_alone(row, expected):
    found = recognize(row)
    assert found is not None
    assert found.format is expected
    fitting = [it for it in DIALECTS if it.fits(row)]
    assert [it.format for it in fitting if it is not OPENBOOKQA or expected is not Format.ARC] == [
        expected
    ]


@pytest.mark.parametrize("row", [others.PASSAGE, others.PASSAGE | {"domain": "novel"}])
def test_a_text_is_of_lambada_only_where_that_is_said(row):
    assert recognize(row) is None
    assert dialect_of(row, "x line 1", Format.LAMBADA).format is Format.LAMBADA
    with pytest.raises(
        ConfigError, match=r'lambada \(text alone, and \[data\] format = "lambada"\)'
    ):
        dialect_of(row, "x line 1")


def test_every_format_has_its_dialect():
    assert {it.format for it in DIALECTS} == {*Format} - {Format.GATE}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Hi"},
        {"messages": [], "text": "x"},
        {"expected": "x"},
        {"prompt": "Hi", **others.PROBLEM},
    ],
)
def test_a_row_of_the_gates_own_is_none(row):
    assert recognize(row) is None
    assert dialect_of(row, "x line 1") is None


def test_a_row_of_no_format_is_told_all_that_are_known():
    row = {"title": "Tin", "question": "is tin a metal", "answer": "yes"}
    with pytest.raises(ConfigError) as raised:
        dialect_of(row, "x.jsonl line 1")
    text = str(raised.value)
    assert text.startswith("x.jsonl line 1 has the fields of no format that is known, gate (prompt")
    assert all(f"{it.format} ({it.needs})" in text for it in DIALECTS)
    assert text.endswith(": found title, question, answer")
    assert "\n" not in text


def test_what_is_stated_counts_and_must_fit():
    assert dialect_of(arc.NESTED, "x line 1", Format.OPENBOOKQA) is OPENBOOKQA
    assert dialect_of(arc.NESTED, "x line 1", Format.GATE) is None
    with pytest.raises(ConfigError) as raised:
        dialect_of(others.WAYS, "x line 1", Format.ARC)
    assert str(raised.value) == (
        f"x line 1 is not of the format arc, which needs {ARC.needs}: found goal, sol1, sol2, label"
    )
