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
_SEED = "random_seed"
_ANY_SEED = -1  # another one in each session
_NOT_SET: tuple[Any, ...] = (False, [], {})
_UNKNOWN: dict[str, tuple[Any, ...]] = {
    "min_p": (0, *_NOT_SET),
    "typical_p": (1, *_NOT_SET),
    "epsilon_cutoff": (0, *_NOT_SET),
    "eta_cutoff": (0, *_NOT_SET),
    "encoder_repetition_penalty": (1, *_NOT_SET),
    "encoder_no_repeat_ngram_size": (0, *_NOT_SET),
    "penalty_alpha": (0, *_NOT_SET),
    "guidance_scale": (1, *_NOT_SET),
    "min_new_tokens": (0, *_NOT_SET),
    "bad_words_ids": _NOT_SET,
    "suppress_tokens": _NOT_SET,
    "begin_suppress_tokens": _NOT_SET,
    "forced_bos_token_id": _NOT_SET,
    "forced_eos_token_id": _NOT_SET,
    "sequence_bias": _NOT_SET,
    "stop_strings": _NOT_SET,
    "exponential_decay_length_penalty": _NOT_SET,
}
"""Settings of transformers that change which tokens come and that onnxruntime-genai does not know,
each with the values that change nothing.
"""


def compare_generation(
    search: Mapping[str, Any], stated: Mapping[str, Any], whose: str = "the source's"
) -> Compared:
    """Settings of ``search`` in genai_config.json that are not those stated elsewhere.

    `stated` holds the fields of a generation_config.json, or of another ``search``; what it leaves
    out, or has as null, is greedy as usual. What it states and the engine cannot do is in doubt.
    """
    differences = []
    for key, usual in USUAL.items():
        mine, theirs = (_setting(it, key, usual) for it in (search, stated))
        if not _is_same(mine, theirs):
            differences.append(f"search.{key} is {_shown(mine)}, {whose} {_shown(theirs)}")
    seed = _setting(search, _SEED, _ANY_SEED)
    if seed != _ANY_SEED:
        differences.append(f"search.{_SEED} is {seed!r}, so that to ask again changes no answer")
    lost = [it for it in _UNKNOWN if stated.get(it) not in (None, *_UNKNOWN[it])]
    doubts = [
        f"{whose} {it} is {_shown(stated[it])}, a setting that the engine does not have"
        for it in lost
    ]
    return Compared((*USUAL, _SEED), tuple(differences), tuple(doubts))


def _setting(settings: Mapping[str, Any], key: str, usual: float | bool) -> Any:
    value = settings.get(key)
    return usual if value is None else value


def _is_same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, int | float) and isinstance(theirs, int | float):
        return abs(mine - theirs) <= _CLOSE * max(1.0, abs(theirs))
    return bool(mine == theirs)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value!r}"
