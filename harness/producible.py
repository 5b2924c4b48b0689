"""Whether a model's tokenizer can produce the answers that domain items expect."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.answer import Answer
from harness.data_check import Kind, Problem
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.quality import grade
from harness.metrics.scorers.listed import LETTERS
from harness.release import Release
from harness.reply import Reply

_NOT_AN_ANSWER = (Scorer.REGEX, Scorer.FUNCTION)
"""Scorers whose expected text need not be what is answered."""


def find_tokenizer(release: Release) -> Path:
    """The tokenizer.json of a release: its checkpoint's, else that of a variant already built."""
    folders = [release.model.path] if release.model else []
    folders += [it.prebuilt for it in release.variants.values() if it.prebuilt]
    for folder in folders:
        if (folder / "tokenizer.json").is_file():
            return folder / "tokenizer.json"
    names = ", ".join(map(str, folders)) or "no folder"
    raise ConfigError(f"no tokenizer.json to check answers with: looked in {names}")


def unproducible(items: Sequence[Item], path: Path) -> list[Problem]:
    """Items whose expected answer does not survive encoding and decoding, or has no room.

    What comes back is scored as an answer would be, so that what the scorer overlooks does no harm.
    """
    tokenizer = _load(path)
    found = []
    for item in items:
        if item.scorer not in _NOT_AN_ANSWER:
            found += _of_item(item, tokenizer)
    return found


def _of_item(item: Item, tokenizer: Any) -> list[Problem]:
    found = []
    for text in item.choices if item.scorer is Scorer.CHOICE else (_briefly(item),):
        tokens = tokenizer.encode(text, add_special_tokens=False).ids
        back = tokenizer.decode(tokens, skip_special_tokens=True)
        if not _is_as_good(item, text, back):
            reason = f"{text!r} comes back from the tokenizer as {back!r}"
            found.append(Problem(Kind.UNPRODUCIBLE, (item.id,), reason))
        if item.scorer is not Scorer.CHOICE and len(tokens) > item.max_new_tokens:
            reason = f"{len(tokens)} tokens, and max_new_tokens is {item.max_new_tokens}"
            found.append(Problem(Kind.LONG_ANSWER, (item.id,), reason))
    return found


def _briefly(item: Item) -> str:
    """The expected answer, by its letter, or without the blanks that JSON may have and need not."""
    if item.scorer is Scorer.LISTED:
        return LETTERS[item.choices.index(item.expected)]
    if item.scorer not in (Scorer.JSON, Scorer.JSON_FIELDS):
        return item.expected
    return json.dumps(json.loads(item.expected), separators=(",", ":"), ensure_ascii=False)


def _is_as_good(item: Item, text: str, back: str) -> bool:
    if item.scorer is Scorer.CHOICE:
        return back.strip() == text.strip()
    return grade(item, Reply(Answer(text=back))).score == 1.0


def _load(path: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ConfigError(
            "checking answers by a release needs the package tokenizers: "
            "install the gate with [build] or [data]"
        ) from error
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises this very class for a file it cannot read
        raise ConfigError(f"{path} cannot be read as a tokenizer: {error}") from error
