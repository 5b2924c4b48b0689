import json

import pytest

from harness.domain import read_items
from harness.errors import ConfigError
from harness.item import Scorer
from harness.release import Data

GOOD = {"id": "a", "prompt": "Hi", "expected": "Hello"}
SCHEMA = {"type": "object"}


@pytest.fixture
def read(tmp_path):
    def read(*rows, schema=None):
        path = tmp_path / "items.jsonl"
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
        return read_items(Data(path, schema=schema))

    return read


def test_items_are_read_from_prompts_and_from_messages(read):
    turns = [{"role": "user", "content": "Hi"}]
    chats = [{"id": key, key: turns, "expected": "Yes"} for key in ("messages", "prompt")]
    assert [it.messages for it in read(GOOD, "", *chats)] == [(("user", "Hi"),)] * 3


def test_what_is_a_value_in_a_row_is_text_in_an_item(read):
    [booking, amount] = read(
        GOOD | {"expected": {"to": "Zürich"}, "scorer": "json", "schema": SCHEMA},
        GOOD | {"id": "b", "expected": 16.1, "scorer": "numeric", "tolerance": 1},
    )
    assert (booking.expected, booking.schema) == ('{"to": "Zürich"}', '{"type": "object"}')
    assert (amount.expected, amount.tolerance) == ("16.1", 1)


def test_a_function_of_the_users_is_a_scorer(read):
    path = "tests.metrics.scorers.functions:share"
    [item] = read(GOOD | {"scorer": path})
    assert (item.scorer, item.function) == (Scorer.FUNCTION, path)


def test_a_schema_of_the_release_is_for_all_json_that_has_none(read, tmp_path):
    path = tmp_path / "booking.schema.json"
    path.write_text(json.dumps(SCHEMA))
    in_json = GOOD | {"expected": {}, "scorer": "json"}
    found = read(GOOD, in_json | {"id": "b"}, in_json | {"id": "c", "schema": True}, schema=path)
    assert [it.schema for it in found] == ["", '{"type": "object"}', "true"]
    with pytest.raises(ConfigError, match=r"the JSON Schema .*none\.json cannot be read"):
        read(GOOD, schema=tmp_path / "none.json")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "line 2 is not JSON"),
        ("[1]", "line 2 is not a JSON object"),
        ('{"id": "b", "expected": "x"}', "line 2: needs a prompt, or messages"),
        ('{"id": "b", "prompt": "x"}', "line 2: the key 'expected' is missing"),
        ('{"id": "b", "prompt": "x", "expected": 7}', "line 2: expected: expected text"),
        ('{"id": "b", "prompt": "x", "expected": "", "scorer": "vibes"}', "'vibes'"),
        ('{"id": "b", "prompt": "x", "expected": "(", "scorer": "regex"}', "line 2: this is not a"),
        (
            '{"id": "b", "prompt": "x", "expected": "x", "scorer": "no.such:f"}',
            "line 2: the scorer",
        ),
        ('{"id": "b", "prompt": "x", "expected": "x", "choices": ["x"]}', "line 2: choices is for"),
        ('{"id": "b", "prompt": "\\ud83d", "expected": "x"}', "line 2: a text has half a char"),
        ('{"id": "b\\ud83d", "prompt": "x", "expected": "x"}', "line 2: a text has half a char"),
        (json.dumps(GOOD), "items.jsonl: each item needs an id of its own: found 'a' twice"),
    ],
)
def test_a_broken_line_of_data_is_named_by_its_number(read, line, message):
    with pytest.raises(ConfigError) as raised:
        read(GOOD, line)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_data_without_an_item_is_refused(read):
    with pytest.raises(ConfigError, match="holds no item"):
        read("")


def test_data_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"the domain data .*nope\.jsonl cannot be read"):
        read_items(Data(tmp_path / "nope.jsonl"))
