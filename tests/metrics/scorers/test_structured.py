import json

import pytest

from harness.answer import Answer
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers import pattern
from harness.metrics.scorers.structured import json_fields, require_json, same_json
from harness.reply import Reply

BOOKING = '{"type": "flight", "guests": 2, "legs": [{"to": "Rome"}, {"to": "Riga"}]}'
SCHEMA = json.dumps(
    {
        "type": "object",
        "required": ["type"],
        "properties": {"guests": {"type": "integer"}, "type": {"pattern": "^[a-z]+$"}},
    }
)


def item(expected=BOOKING, schema=""):
    return Item("a", (("user", "?"),), expected, scorer=Scorer.JSON, schema=schema)


def graded(scorer, text, **fields):
    return scorer(item(**fields), Reply(Answer(text=text)))


@pytest.mark.parametrize(
    ("expected", "text", "score"),
    [
        ('{"a": 1, "b": [2]}', '{"b":[2.0],"a":1}', 1.0),
        ('{"a": 1}', '{"a": true}', 0.0),
        ('{"a": []}', '{"a": {}}', 0.0),
        ('{"a": null}', "{}", 0.0),
        ("[1, 2]", "[2, 1]", 0.0),
        ("0", "false", 0.0),
    ],
)
def test_json_is_equal_as_values(expected, text, score):
    assert graded(same_json, text, expected=expected).score == score


@pytest.mark.parametrize(
    ("text", "score"),
    [
        (BOOKING, 1.0),
        ('{"type": "flight", "guests": 3, "legs": [{"to": "Rome"}, {"to": "Riga"}]}', 0.75),
        ('{"type": "flight", "guests": 2}', 2 * 2 / 6),
        ('{"type": "flight", "guests": 2, "legs": [{"to": "Riga"}]}', 2 * 2 / 7),
        ('{"type": "flight", "guests": 2, "legs": [], "why": 1, "so": 1}', 2 * 2 / 9),
        ("{}", 0.0),
        ("7", 0.0),
    ],
)
def test_fields_are_scored_one_by_one(text, score):
    found = graded(json_fields, text)
    assert (found.score, found.is_valid) == (pytest.approx(score), True)


@pytest.mark.parametrize("scorer", [same_json, json_fields])
@pytest.mark.parametrize(
    "text", ["", "{", "```json\n{}\n```", '{"a": NaN}', 100_000 * "[", "9" * 5000]
)
def test_what_is_not_json_is_not_valid(scorer, text):
    found = graded(scorer, text)
    assert (found.score, found.is_valid) == (0.0, False)


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ('{"type": "hotel"}', True),
        ('{"type": "Hotel"}', False),
        ('{"guests": 2}', False),
        ('{"type": "hotel", "guests": "two"}', False),
    ],
)
def test_an_answer_must_fit_the_schema(text, is_valid):
    assert graded(same_json, text, schema=SCHEMA).is_valid is is_valid


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ('{"type": "objekt"}', "schema is not a JSON Schema"),
        ("{", "schema is not a JSON Schema"),
        ("7", "schema is not a JSON Schema"),
        ('{"required": ["when"]}', "expected does not fit its schema: .*'when' is a required"),
        ('{"properties": {"type": {"pattern": "("}}}', "schema is not a JSON Schema"),
    ],
)
def test_a_schema_that_nothing_fits_is_refused_when_it_is_read(schema, message):
    with pytest.raises(ConfigError, match=message):
        require_json(item(schema=schema))


def test_a_schema_elsewhere_is_not_fetched(monkeypatch):
    asked = []
    monkeypatch.setattr("urllib.request.urlopen", asked.append)
    with pytest.raises(ConfigError, match="refers to what it has not"):
        require_json(item(schema='{"$ref": "https://example.org/booking.json"}'))
    assert asked == []


def test_a_pattern_in_a_schema_cannot_hang(monkeypatch):
    monkeypatch.setattr(pattern, "SECONDS", 0.05)
    schema = '{"properties": {"type": {"pattern": "(a|a)*$"}}}'
    with pytest.raises(ConfigError, match="takes over"):
        graded(same_json, json.dumps({"type": 40 * "a" + "b"}), schema=schema)
