"""Plain data to values and back: strict types, no unknown keys, a line for each mistake."""

import difflib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from cattrs import BaseConverter, Converter
from cattrs.errors import (
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.gen import make_dict_structure_fn

from harness.errors import ConfigError, HarnessError

T = TypeVar("T")
_PLAIN = (str, int, float, bool)
_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "a table",
    list: "a list",
}


def structure(data: object, kind: type[T], *, what: str, base: Path | None = None) -> T:
    """Make a value of a dataclass from plain data.

    `what` names the place for messages ("release.toml [model]"); relative paths are taken from
    `base`. Raises ConfigError with a line for each key or value that is wrong and what is accepted.
    """
    try:
        return _converter(base).structure(data, kind)
    except (BaseValidationError, ConfigError) as error:
        lines = [f"{what}: {line}" for line in _each(error)]
        raise ConfigError("\n".join(lines)) from error


def unstructure(value: object) -> Any:
    """Plain JSON types of a value made of dataclasses."""
    return _converter(None).unstructure(value)


@cache  # making one compiles code for every kind of value: too dear for each line of data
def _converter(base: Path | None) -> Converter:
    converter = Converter(forbid_extra_keys=True)
    for plain in _PLAIN:
        converter.register_structure_hook(plain, _strict)
    converter.register_structure_hook(Path, lambda value, _: _absolute(_strict(value, str), base))
    converter.register_structure_hook_factory(is_dataclass, _from_table)
    converter.register_unstructure_hook(Path, str)
    return converter


def _from_table(kind: type[T], converter: BaseConverter) -> Callable[[Any, type[T]], T]:
    of_table = make_dict_structure_fn(kind, converter)
    return lambda value, _: of_table(_strict(value, dict), kind)


def _strict(value: Any, kind: type) -> Any:
    if issubclass(kind, StrEnum):  # a kind of text to cattrs, which asks the hook of text
        return _choice(value, kind)
    accepted = (int, float) if kind is float else (kind,)
    if type(value) not in accepted:
        raise ConfigError(f"expected {_named(kind)}, found {_named(type(value))} {value!r}")
    return value


def _choice(value: Any, kind: type[StrEnum]) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        known = [choice.value for choice in kind]
        raise ConfigError(
            f"{value!r} is not accepted{closest(str(value), known)}; accepted: {', '.join(known)}"
        ) from None


def _absolute(value: str, base: Path | None) -> Path:
    path = Path(value).expanduser()
    return path if base is None else (base / path).resolve()


def _named(kind: type) -> str:
    return _NAMES.get(kind, kind.__name__)


def closest(word: str, known: list[str]) -> str:
    """ " (did you mean ...?)" where something known is near, else nothing."""
    close = difflib.get_close_matches(word, known, 1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _each(error: BaseException, place: str = "") -> list[str]:
    """The problems in cattrs' tree of them, each with the key it stands at."""
    if isinstance(error, ForbiddenExtraKeysError):
        return _extra(error, place)
    if isinstance(error, ClassValidationError | IterableValidationError):
        inner = [_each(it, place + _step(it)) for it in error.exceptions]
        return [line for lines in inner for line in lines]
    if isinstance(error, KeyError):
        return [f"{_at(place.rpartition('.')[0])}the key {error} is missing"]
    text = str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
    return [f"{_at(place)}{text}"]


def _step(error: BaseException) -> str:
    for note in getattr(error, "__notes__", ()):
        name = getattr(note, "name", None)
        index = getattr(note, "index", None)
        if name is not None:
            return f".{name}"
        if index is not None:
            return f"[{index}]" if isinstance(index, int) else f".{index}"
    return ""


def _at(place: str) -> str:
    return f"{place.lstrip('.')}: " if place else ""


def _extra(error: ForbiddenExtraKeysError, place: str) -> list[str]:
    known = [it.name for it in fields(error.cl)] if is_dataclass(error.cl) else []
    return [
        f"{_at(place)}unknown key {key!r}{closest(key, known)}; accepted: {', '.join(known)}"
        for key in sorted(error.extra_fields)
    ]
