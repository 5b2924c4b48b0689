import json

import pytest

from harness.data_check import Trained
from harness.domain import read_items
from harness.errors import ConfigError
from harness.item import Item
from harness.release import Data
from harness.training import calibration_leaks, read_trained, refuse_leaks
from tests.conftest import ROOT

CHAT = (("system", "Be brief."), ("user", "Hi"), ("assistant", "Yes?"), ("user", "Bye"))


@pytest.fixture
def read(tmp_path):
    def read(row):
        (tmp_path / "train.jsonl").write_text(json.dumps(row))
        return list(read_trained(tmp_path / "train.jsonl"))

    return read


def turns(role, content):
    return [{role: it[0], content: it[1]} for it in CHAT]


@pytest.mark.parametrize(
    "row",
    [
        {"messages": turns("role", "content"), "tools": None},
        {"prompt": turns("role", "content"), "completion": "See you"},
        {"conversations": turns("from", "value")},
    ],
)
def test_a_chat_was_asked_as_often_as_the_user_spoke(read, row):
    assert read(row) == [
        Trained(CHAT[:2], "train.jsonl line 1, question 1 of 2"),
        Trained(CHAT, "train.jsonl line 1, question 2 of 2"),
    ]


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        ({"prompt": "Hi", "expected": "Yes?"}, "Hi"),
        ({"instruction": "Translate.", "input": "Hi", "output": "Salut"}, "Translate.\nHi"),
        ({"instruction": "Say hi.", "output": "Hi"}, "Say hi."),
        ({"conversations": [{"from": "human", "value": "Hi"}]}, "Hi"),
        ({"question": "1 + 1?", "answer": "#### 2"}, "Question: 1 + 1?\nAnswer:"),
        ({"goal": "Dry it", "sol1": "a", "sol2": "b"}, "Question: Dry it\nAnswer:"),
    ],
)
def test_one_question_is_a_chat_too(read, row, asked):
    assert read(row) == [Trained((("user", asked),), "train.jsonl line 1")]


def test_a_prompt_hides_no_question_of_its_conversation(read):
    row = {"prompt": "Hi", "messages": turns("role", "content")}
    asked = {it.messages[-1] for it in read(row)}
    assert asked == {("user", "Hi"), ("user", "Bye")}


def test_a_turn_may_call_a_tool_or_have_parts(read):
    parts = [{"type": "text", "text": "Is it "}, {"type": "text", "text": "raining?"}]
    called = {"role": "assistant", "content": None, "tool_calls": [{}]}
    row = {
        "messages": [{"role": "user", "content": "Hi"}, called, {"role": "user", "content": parts}]
    }
    assert [it.messages[-1][1] for it in read(row)] == ["Hi", "Is it raining?"]
    with pytest.raises(ConfigError, match="line 1: content must be text, or a list of parts"):
        read({"messages": [{"role": "user", "content": 7}]})


@pytest.mark.parametrize("row", [{"text": "<s>Hi"}, {"messages": "Hi"}, {"conversations": [7]}])
def test_another_form_is_refused_by_the_names_that_it_has(read, row):
    with pytest.raises(ConfigError, match=r"train\.jsonl line 1 needs messages, .* found \w+"):
        read(row)


def test_a_row_of_a_public_bank_that_asks_nothing_is_named(read):
    with pytest.raises(ConfigError, match=r"train\.jsonl line 1: goal must be a text: found ''"):
        read({"goal": "", "sol1": "a", "sol2": "b"})


ITEMS = (
    Item("one", (("user", "Where is gate 4?"),), "x"),
    Item("two", (("user", "Hi"), ("assistant", "Yes?"), ("user", "Two for Rome")), "x"),
    Item("three", (("user", "When does it leave?"),), "x"),
)
DISGUISES = {
    "as it stands": [{"prompt": "Where is gate 4?", "expected": "x"}],
    "case and white space": [{"prompt": "  where IS gate  4", "expected": "x"}],
    "another form": [{"conversations": [{"from": "human", "value": "Where is gate 4?"}]}],
    "a system message": [
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Where is gate 4?"},
                {"role": "assistant", "content": "x"},
            ]
        }
    ],
    "within a longer chat": [
        {
            "messages": [
                {"role": "user", "content": "Good morning"},
                {"role": "assistant", "content": "Good morning!"},
                {"role": "user", "content": "Where is gate 4?"},
            ],
            "expected": "x",
        }
    ],
}


@pytest.mark.parametrize("rows", DISGUISES.values(), ids=DISGUISES)
def test_calibration_on_held_out_items_is_refused_by_content(tmp_path, rows):
    path = tmp_path / "harmless.jsonl"
    path.write_text("\n".join(map(json.dumps, [{"prompt": "Else", "expected": "x"}, *rows])))
    with pytest.raises(ConfigError, match=r"harmless\.jsonl has 1 of 3, the first is one, calib"):
        refuse_leaks(ITEMS, path)


def test_the_count_is_of_items_whatever_their_order(tmp_path):
    path = tmp_path / "calibration.csv"
    path.write_text("prompt,expected\nWhen does it leave?,x\nElse,x\nwhere is gate 4,x\n")
    assert [it.ids for it in calibration_leaks(ITEMS, path)] == [("one",), ("three",)]
    with pytest.raises(ConfigError, match="has 2 of 3, the first is one"):
        refuse_leaks(ITEMS, path)


def test_the_travel_releases_calibrate_on_other_conversations():
    travel = ROOT / "fixtures" / "travel"
    items = read_items(Data(travel / "eval.jsonl"))
    refuse_leaks(items, travel / "calibration.jsonl")
    assert len(calibration_leaks(items, travel / "eval.jsonl")) == len(items)


@pytest.mark.parametrize(
    ("row", "choices"),
    [
        ({"goal": "Dry it.", "sol1": "a", "sol2": "b", "label": 0}, ("a", "b")),
        ({"goal": "Dry it.", "sol1": "a", "sol2": "b"}, ()),
        ({"prompt": "Dry it.", "choices": ["a", "b"]}, ("a", "b")),
        ({"prompt": "Dry it."}, ()),
    ],
)
def test_the_choices_of_a_row_are_a_part_of_its_question(read, row, choices):
    assert [it.choices for it in read(row)] == [choices]
