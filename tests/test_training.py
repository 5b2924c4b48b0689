import json

import pytest

from harness.data_check import Trained
from harness.errors import ConfigError
from harness.training import read_trained

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
    ],
)
def test_one_question_is_a_chat_too(read, row, asked):
    assert read(row) == [Trained((("user", asked),), "train.jsonl line 1")]


@pytest.mark.parametrize("row", [{"text": "<s>Hi"}, {"messages": "Hi"}, {"conversations": [7]}])
def test_another_form_is_refused_by_the_names_that_it_has(read, row):
    with pytest.raises(ConfigError, match=r"train\.jsonl line 1 needs messages, .* found \w+"):
        read(row)
