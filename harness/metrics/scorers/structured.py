"""Scorers of answers in JSON, which must also fit a JSON Schema where there is one."""

import json
from functools import lru_cache
from typing import Any, Never

from harness.errors import ConfigError
from harness.item import Item
from harness.metrics.scorers.base import Grade
from harness.metrics.scorers.pattern import is_found
from harness.reply import Reply

Place = tuple[str | int, ...]
"""The keys and indices that lead to a field."""


def same_json(item: Item, reply: Reply) -> Grade:
    """Equal as JSON values: keys in any order, 1 as 1.0, but true not as 1."""
    found = _read(item, reply.answer.text)
    if found is None:
        return Grade(0.0, is_valid=False)
    return Grade(float(found == fields(json.loads(item.expected))), is_valid=True)


def json_fields(item: Item, reply: Reply) -> Grade:
    """F1 of the fields: of those in either, the share that both have with the same value.

    A field is a value that is no object or list, or an empty one, at its place; places in lists are
    counted. An answer that is not valid scores 0, one that is equal 1.
    """
    found = _read(item, reply.answer.text)
    if found is None:
        return Grade(0.0, is_valid=False)
    expected = fields(json.loads(item.expected))
    shared = sum(found.get(place) == value for place, value in expected.items())
    return Grade(2 * shared / (len(found) + len(expected)), is_valid=True)


def fields(value: Any) -> dict[Place, object]:
    """Every field of a JSON value with the place that it stands at."""
    found: dict[Place, object] = {}
    left: list[tuple[Place, Any]] = [((), value)]
    while left:  # not by recursion: a broken model nests without end
        place, inner = left.pop()
        if isinstance(inner, dict | list) and inner:
            pairs = inner.items() if isinstance(inner, dict) else enumerate(inner)
            left += [((*place, key), it) for key, it in pairs]
        else:
            found[place] = (isinstance(inner, bool), inner)
    return found


def require_json(item: Item) -> None:
    """Refuse an expected text that is not JSON or does not fit its own schema."""
    try:
        parse(item.expected)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"expected is not JSON ({error}): {item.expected!r}") from error
    problem = misfit(item.expected, item.schema) if item.schema else ""
    if problem:
        raise ConfigError(f"expected does not fit its schema: {problem}")


def _read(item: Item, text: str) -> dict[Place, object] | None:
    """The fields of an answer; None if it is not JSON or does not fit the schema."""
    try:
        value = parse(text)
    except (ValueError, RecursionError):
        return None
    if item.schema and misfit(text, item.schema):
        return None
    return fields(value)


def parse(text: str) -> Any:
    """A JSON value; ValueError for what is none, NaN and Infinity among it."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is not JSON")


def misfit(text: str, schema: str) -> str:
    """Where and why a JSON text does not fit a JSON Schema; empty if it does.

    Raises ConfigError for a schema that is none, or that refers to what is not in it.
    """
    from referencing.exceptions import Unresolvable

    try:
        error = next(_validator(schema).iter_errors(json.loads(text)), None)
    except RecursionError:
        return "it is nested too deeply"
    except Unresolvable as unresolvable:
        raise ConfigError(f"the JSON Schema refers to what it has not: {unresolvable}") from None
    return "" if error is None else f"{error.json_path}: {error.message}"


@lru_cache(maxsize=256)
def _validator(schema: str) -> Any:
    """A validator whose patterns cannot go on for ever, and which fetches nothing."""
    from jsonschema import validators
    from jsonschema.exceptions import SchemaError
    from referencing.jsonschema import EMPTY_REGISTRY

    try:
        value = parse(schema)
        if not isinstance(value, dict | bool):
            raise ValueError("it is no object")
        kind: Any = validators.validator_for(value)
        kind.check_schema(value)
    except (ValueError, SchemaError) as error:
        what = getattr(error, "message", str(error))
        raise ConfigError(f"schema is not a JSON Schema ({what}): {schema[:60]!r}") from error
    extended: Any = validators.extend  # untyped
    return extended(kind, {"pattern": _pattern})(value, registry=EMPTY_REGISTRY)


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Any:
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not is_found(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")
