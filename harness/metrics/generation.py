"""How a package answers where the caller sets nothing, beside what its source says."""

from collections.abc import Mapping
from typing import Any

from harness.metrics.compared import Compared

USUAL: dict[str, float | bool] = {
    "do_sample": False,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "repetition_penalty": 1.0,
    "num_beams": 1,
    "min_length": 0,
    "no_repeat_ngram_size": 0,
    "length_penalty": 1.0,
    "diversity_penalty": 0.0,
}
"""Settings of a generation, and what transformers and the engine take where none is stated."""

_CLOSE = 1e-6


def compare_generation(
    search: Mapping[str, Any], stated: Mapping[str, Any], whose: str = "the source's"
) -> Compared:
    """Settings of ``search`` in genai_config.json that are not those stated elsewhere.

    `stated` holds the fields of a generation_config.json, or of another ``search``; what it leaves
    out, or has as null, is greedy as usual.
    """
    differences = []
    for key, usual in USUAL.items():
        mine, theirs = (_setting(it, key, usual) for it in (search, stated))
        if not _is_same(mine, theirs):
            differences.append(f"search.{key} is {_shown(mine)}, {whose} {_shown(theirs)}")
    return Compared(tuple(USUAL), tuple(differences))


def _setting(settings: Mapping[str, Any], key: str, usual: float | bool) -> Any:
    value = settings.get(key)
    return usual if value is None else value


def _is_same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, int | float) and isinstance(theirs, int | float):
        return abs(mine - theirs) <= _CLOSE * max(1.0, abs(theirs))
    return bool(mine == theirs)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value!r}"
