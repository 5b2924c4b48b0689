"""What a variant's own configuration says of threads, beside another's."""

from collections.abc import Iterator, Mapping
from typing import Any

_WORDS = ("thread", "spinning")
_COUNT = "intra_op_num_threads"

Settings = Mapping[str, str]
"""Values by their place in genai_config.json: "decoder.session_options.intra_op_num_threads"."""


def settings(model: Mapping[str, Any]) -> Settings:
    """Everything that the ``model`` table says of threads, whichever provider it is for."""
    found = _leaves(model, "")
    return {place: value for place, value in found if _is_about_threads(place)}


def own_threads(found: Settings) -> int:
    """How many threads an operator is split into at most; 0 where that is left to the engine."""
    counts = [value for place, value in found.items() if place.endswith(_COUNT)]
    return max((int(it) for it in counts if it.isdecimal()), default=0)


def differences(mine: Settings, theirs: Settings) -> list[str]:
    """One phrase for each setting that is not the same on both sides."""
    places = sorted({*mine, *theirs})
    return [
        f"{place} {mine.get(place, 'not set')} (the reference's: {theirs.get(place, 'not set')})"
        for place in places
        if mine.get(place) != theirs.get(place)
    ]


def _is_about_threads(place: str) -> bool:
    """Keys may hold dots of their own, as ``session.intra_op.allow_spinning`` does."""
    return any(word in place.lower() for word in _WORDS)


def _leaves(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{place}[{number}]")
    else:
        yield place, str(value)
