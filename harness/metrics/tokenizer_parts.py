"""Every part of one tokenizer beside another's: what they mean, not how they are written."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.metrics.compared import Compared

Document = Mapping[str, Any]

_PIPELINE = ("normalizer", "pre_tokenizer", "post_processor", "decoder", "truncation", "padding")
_INNER = ("normalizers", "pretokenizers", "processors", "decoders")
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
_NAMED_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")
_MODEL_USUAL: dict[str, Any] = {
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": False,
    "ignore_merges": False,
    "max_input_chars_per_word": 100,
}
_USUAL = {"use_regex": True, "trim_offsets": None}  # of steps; offsets concern no token id
_NAMED = 3


@dataclass(frozen=True, slots=True)
class TokenizerParts:
    """A tokenizer's parts, each in one form however its file has it.

    `ids` holds every token's, added ones too; `scores` those of a unigram model. `flags` are the
    added tokens' ones that are set; `steps` are settings and the stages of the pipeline as text, ""
    for none; `named` the tokens that have a role.
    """

    ids: Mapping[str, int]
    merges: tuple[tuple[str, str], ...] = ()
    scores: tuple[float, ...] = ()
    flags: Mapping[str, frozenset[str]] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)


def tokenizer_parts(document: Document, config: Document) -> TokenizerParts:
    """The parts of a tokenizer.json and the tokenizer_config.json beside it.

    Raises ValueError for a document that is no tokenizer's.
    """
    try:
        return _parts(document, config)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"tokenizer.json is not one that is known here: {error!r}") from error


def _parts(document: Document, config: Document) -> TokenizerParts:
    model = document["model"]
    vocabulary, scores = model.get("vocab", {}), tuple[float, ...]()
    if isinstance(vocabulary, list):
        scores = tuple(float(it[1]) for it in vocabulary)
        vocabulary = {str(it[0]): place for place, it in enumerate(vocabulary)}
    added = document.get("added_tokens") or []
    settings = {key: model.get(key) or usual for key, usual in _MODEL_USUAL.items()}
    steps = {"model": _text({"type": model.get("type") or "BPE", **settings})}
    steps |= {name: _text(_canonical(document.get(name))) for name in _PIPELINE}
    return TokenizerParts(
        {**vocabulary, **{str(it["content"]): int(it["id"]) for it in added}},
        tuple(_merge(it) for it in model.get("merges") or ()),
        scores,
        {str(it["content"]): frozenset(key for key in _FLAGS if it.get(key)) for it in added},
        steps,
        {name: text for name in _NAMED_TOKENS if (text := _content(config.get(name)))},
    )


def _merge(pair: Any) -> tuple[str, str]:
    one, _, other = pair.partition(" ") if isinstance(pair, str) else (pair[0], "", pair[1])
    return str(one), str(other)


def _content(token: Any) -> str:
    token = token.get("content") if isinstance(token, Mapping) else token
    return token if isinstance(token, str) else ""


def _canonical(step: Any) -> Any:
    """A stage without what says nothing; a sequence of one is that one, of none no stage."""
    if isinstance(step, list):
        return [_canonical(it) for it in step]
    if not isinstance(step, Mapping):
        return step
    inner = next((key for key in _INNER if isinstance(step.get(key), list)), "")
    if step.get("type") == "Sequence" and inner:
        stages = [found for it in step[inner] if (found := _canonical(it))]
        flat = [one for it in stages for one in (it if isinstance(it, list) else [it])]
        return flat[0] if len(flat) == 1 else flat
    return {
        key: _canonical(value)
        for key, value in sorted(step.items())
        if value is not None and key != "trim_offsets" and _USUAL.get(key) != value
    }


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""


def compare_tokenizers(
    mine: TokenizerParts, theirs: TokenizerParts, whose: str = "the source's"
) -> Compared:
    """Where two tokenizers differ; which tokens, where it is some.

    A role that the other gives to no token is no difference: tools fill these in.
    """
    looked_at = ("vocabulary", "merges", "added tokens", "named tokens", *theirs.steps)
    return Compared(
        looked_at,
        (
            *compare_tables(mine, theirs, whose),
            *_others(mine.ids, theirs.ids, whose),
            *([] if mine.scores == theirs.scores else [f"scores of tokens are not {whose}"]),
            *_flags(mine, theirs, whose),
            *_steps(mine.steps, theirs.steps, whose),
            *_named(mine.named, theirs.named, whose),
        ),
    )


def compare_decoder(
    decoder: Document, ids: Mapping[str, int], of_source: Document
) -> tuple[str, ...]:
    """Tokens of the `added_tokens_decoder` of a tokenizer_config.json that have another id than in
    tokenizer.json, or are not there at all: the engine may add them to its own. Entries that the
    source's has as well are the source's.
    """
    others = [
        f"{content!r} ({token} for {ids.get(content, 'no token')})"
        for token, entry in decoder.items()
        if (content := _content(entry)) and str(ids.get(content)) != token
        if _content(of_source.get(token)) != content
    ]
    if not others:
        return ()
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return (
        f"added_tokens_decoder of tokenizer_config.json has {len(others)} tokens otherwise than "
        f"tokenizer.json: {', '.join(others[:_NAMED])}{more}",
    )


def compare_tables(
    mine: TokenizerParts, theirs: TokenizerParts, whose: str = "the source's"
) -> tuple[str, ...]:
    """What no way to write a tokenizer explains: other ids of the same tokens, other merges."""
    moved = _moved(mine.ids, theirs.ids, whose)
    return (*moved, *_merges(mine.merges, theirs.merges, whose))


def _moved(mine: Mapping[str, int], theirs: Mapping[str, int], whose: str) -> list[str]:
    moved = [it for it in theirs if it in mine and mine[it] != theirs[it]]
    found = []
    if (
        len(moved) == 2
        and mine[moved[0]] == theirs[moved[1]]
        and mine[moved[1]] == theirs[moved[0]]
    ):
        ids = f"{theirs[moved[0]]} and {theirs[moved[1]]}"
        found.append(f"the tokens {_listed(moved)} have each other's ids ({ids} in {whose})")
    elif moved:
        first = moved[0]
        found.append(
            f"{len(moved)} tokens have other ids than in {whose}: {_listed(moved)} "
            f"({mine[first]} for {theirs[first]})"
        )
    return found


def _others(mine: Mapping[str, int], theirs: Mapping[str, int], whose: str) -> list[str]:
    lost = [it for it in theirs if it not in mine]
    more = [it for it in mine if it not in theirs]
    found = []
    if lost:
        found.append(f"{len(lost)} tokens of {whose} vocabulary are missing: {_listed(lost)}")
    if more:
        found.append(f"{len(more)} tokens are not in {whose} vocabulary: {_listed(more)}")
    return found


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(repr(it) for it in names[:_NAMED]) + more


def _merges(
    mine: Sequence[tuple[str, str]], theirs: Sequence[tuple[str, str]], whose: str
) -> list[str]:
    if list(mine) == list(theirs):
        return []
    places = (n for n, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b)
    first = next(places, min(len(mine), len(theirs)))
    return [f"{len(mine):,} merges, {whose} {len(theirs):,}, the first other one is {first + 1:,}"]


def _flags(mine: TokenizerParts, theirs: TokenizerParts, whose: str) -> Iterable[str]:
    for name, flags in theirs.flags.items():
        if name not in mine.flags:
            if name in mine.ids:
                yield f"{name!r} is no added token, but one of {whose}"
        elif mine.flags[name] != flags:
            shown = [", ".join(sorted(it)) or "no flag" for it in (mine.flags[name], flags)]
            yield f"the added token {name!r} has {shown[0]}, {whose} {shown[1]}"
    extra = [it for it in mine.flags if it not in theirs.flags and it in theirs.ids]
    if extra:
        yield f"{len(extra)} tokens are added ones, but not {whose}: {_listed(extra)}"


def _steps(mine: Mapping[str, str], theirs: Mapping[str, str], whose: str) -> Iterable[str]:
    for name, step in theirs.items():
        if mine.get(name, "") != step:
            yield f"its {name} is {_cut(mine.get(name, ''))}, {whose} {_cut(step)}"


def _cut(text: str) -> str:
    return (text if len(text) <= 80 else text[:77] + "...") or "none"


def _named(mine: Mapping[str, str], theirs: Mapping[str, str], whose: str) -> Iterable[str]:
    for role, token in theirs.items():
        if mine.get(role) != token:
            yield f"its {role} is {mine.get(role) or 'none'}, {whose} {token}"
