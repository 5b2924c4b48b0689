from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.structure import structure, unstructure


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True)
class Part:
    size: float
    colour: Colour = Colour.RED
    place: Path | None = None


@dataclass(frozen=True)
class Whole:
    name: str
    count: int = 1
    is_new: bool = False
    parts: tuple[Part, ...] = ()
    by_colour: dict[Colour, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"count must be at least 1: found {self.count}")


def test_what_was_taken_apart_is_put_together_again():
    whole = Whole("a", 2, True, (Part(1.5, Colour.GREEN),), {Colour.RED: Part(2.0)})
    assert structure(unstructure(whole), Whole, what="x") == whole


def test_a_whole_number_will_do_for_a_number():
    assert structure({"size": 2}, Part, what="x") == Part(2.0)


def test_relative_paths_begin_at_the_base_and_absolute_ones_stay(tmp_path):
    found = [
        structure({"size": 1.0, "place": place}, Part, what="x", base=tmp_path).place
        for place in ("sub/../here", str(tmp_path / "there"))
    ]
    assert found == [tmp_path / "here", tmp_path / "there"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (3, "expected a table, found a whole number 3"),
        ([], "expected a table, found a list []"),
        ({}, "the key 'name' is missing"),
        ({"name": 1}, "name: expected text, found a whole number 1"),
        ({"name": "a", "count": True}, "count: expected a whole number, found true or false True"),
        ({"name": "a", "count": 0}, "count must be at least 1: found 0"),
        ({"name": "a", "is_new": 1}, "is_new: expected true or false, found a whole number 1"),
        (
            {"name": "a", "cuont": 2},
            "unknown key 'cuont' (did you mean 'count'?); "
            "accepted: name, count, is_new, parts, by_colour",
        ),
        ({"name": "a", "parts": [{"size": "1"}]}, "parts[0].size: expected a number, found text"),
        ({"name": "a", "parts": [{"size": 1}, 2]}, "parts[1]: expected a table, found a whole"),
        (
            {"name": "a", "parts": [{"size": 1, "colour": "gren"}]},
            "parts[0].colour: 'gren' is not accepted (did you mean 'green'?); accepted: red, green",
        ),
        ({"name": "a", "by_colour": {"red": {}}}, "by_colour.red: the key 'size' is missing"),
    ],
)
def test_the_first_mistake_is_one_line_that_names_its_place(data, message):
    with pytest.raises(ConfigError) as raised:
        structure(data, Whole, what="file [table]")
    assert str(raised.value).startswith(f"file [table]: {message}")
    assert "\n" not in str(raised.value)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ConfigError) as raised:
        structure(
            {"nmae": "a", "count": "1", "parts": [{"size": 1}, {"colour": "blue"}]}, Whole, what="x"
        )
    assert str(raised.value).splitlines() == [
        "x: the key 'name' is missing",
        "x: count: expected a whole number, found text '1'",
        "x: parts[1]: the key 'size' is missing",
        "x: parts[1].colour: 'blue' is not accepted; accepted: red, green",
        "x: unknown key 'nmae' (did you mean 'name'?); "
        "accepted: name, count, is_new, parts, by_colour",
    ]
