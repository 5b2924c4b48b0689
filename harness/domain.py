"""Reads the domain items of a release."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.asking import Ask, Normalize
from harness.banks.chat import asked, in_chat, in_text
from harness.banks.entry import Entry, read_entries
from harness.banks.known import dialect_of
from harness.banks.labels import with_labels
from harness.data_check import Places, gist, gists
from harness.errors import ConfigError
from harness.guesses import with_guesses
from harness.item import Item, Scorer
from harness.metrics.quality import require_decidable
from harness.mistakes import Mistakes, made_of_each
from harness.release import Data
from harness.rows import Row, read_rows
from harness.structure import structure

_LISTS = ("choices", "until")
_IN_JSON = (Scorer.JSON, Scorer.JSON_FIELDS)
_UNSHOWN = (Scorer.REGEX, Scorer.FUNCTION)
"""Scorers whose expected text is not an answer."""


def read_items(data: Data, is_chat: bool = True) -> tuple[Item, ...]:
    """The items, in their order; ConfigError has a line for each line that is broken.

    A row is one of a public bank (`harness.banks`), or the gate's own: beside the fields of `Item`
    it may have `prompt` in place of `messages`, an object or list as `expected` and as `schema`,
    and a ``package.module:function`` as `scorer`. Items are asked as the data say, in chats or, a
    base model, as plain text. Where a few answers are those of a whole slice, giving the commonest
    one always is a guess, unless an item states its chance.
    """
    rows = with_labels(list(read_rows(data.domain, data.split)), data.domain, data.labels)
    entries = _entries(rows, data, is_chat)
    _require_identities([it.item for it in entries], data.domain)
    _require_choices(entries, data)
    examples = [asked(it, data.ask, is_chat) for it in _shots(entries, data, is_chat)]
    items = [asked(it, data.ask, is_chat).item for it in entries]
    after = in_chat if is_chat else in_text
    return with_guesses([after(it, examples, data.system) for it in items])


def _entries(rows: Sequence[Row], data: Data, is_chat: bool) -> list[Entry]:
    dialect = dialect_of(rows[0][1], rows[0][0], data.format) if rows else None
    if dialect is None:
        schema = _schema(data.schema)
        return made_of_each(rows, lambda row: _entry(row, schema, data.normalize))
    found = read_entries(dialect, rows, data.normalize, is_chat)
    mistakes = Mistakes()
    for (place, _), entry in zip(rows, found, strict=True):
        with mistakes.gathered():
            _require_sound(entry.item, place)
    mistakes.refuse()
    return found


def _shots(entries: Sequence[Entry], data: Data, is_chat: bool) -> list[Entry]:
    """The examples, none of which asks what an item asks."""
    if data.shots_from is None:
        return []
    rows = with_labels(list(read_rows(data.shots_from)), data.shots_from, None)[: data.shots]
    if len(rows) < data.shots:
        raise ConfigError(
            f"[data] shots must be at most the rows of {data.shots_from.name}, {len(rows)}: "
            f"found {data.shots}"
        )
    found = _entries(rows, data, is_chat)
    held_out = Places()
    for entry in entries:
        held_out.add(gist(entry.item.messages), gists(entry.item.choices), entry.item.id)
    for shot in found:
        if same := held_out.of(gist(shot.item.messages), gists(shot.item.choices)):
            raise ConfigError(
                f"[data] shots_from must hold no held-out question: of {data.shots_from.name} "
                f"{shot.item.id} asks what item {same} does"
            )
    return found


def _require_choices(entries: Sequence[Entry], data: Data) -> None:
    """Refuse to say of choices how they are asked where there are none."""
    says = {"ask": data.ask is not Ask.LIKELIHOOD, "normalize": data.normalize is not None}
    said = [key for key, is_said in says.items() if is_said]
    if said and not any(it.item.scorer is Scorer.CHOICE for it in entries):
        raise ConfigError(
            f"[data] {said[0]} is for items of the scorer {Scorer.CHOICE.value!r}: "
            f"{data.domain.name} has none"
        )


def _schema(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the JSON Schema {path} cannot be read: {error}") from error


def _entry(row: Row, schema: str, normalize: Normalize | None) -> Entry:
    place, data = row
    item = structure(_plain(data, schema, place, normalize), Item, what=place)
    _require_sound(item, place)
    return Entry(item, "" if item.scorer in _UNSHOWN else item.expected)


def _require_sound(item: Item, place: str) -> None:
    try:
        _require_whole_characters(item)
        require_decidable(item)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error


def _plain(
    row: dict[str, Any], schema: str, place: str, normalize: Normalize | None
) -> dict[str, Any]:
    """The fields of an item as `Item` has them."""
    data = dict(row)
    for key in _LISTS:
        if isinstance(data.get(key), str):
            raise ConfigError(f"{place}: {key} must be a list of texts: found {data[key]!r}")
    if data.get("scorer") == Scorer.CHOICE and normalize is not None:
        data.setdefault("normalize", normalize.value)
    if "prompt" in data and "messages" not in data:
        prompt = data.pop("prompt")
        is_chat = isinstance(prompt, list)
        data["messages"] = prompt if is_chat else [{"role": "user", "content": prompt}]
    try:
        data["messages"] = [[turn["role"], turn["content"]] for turn in data["messages"]]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{place}: needs a prompt, or messages with role and content") from error
    scorer = data.get("scorer", "")
    if isinstance(scorer, str) and ":" in scorer:
        data |= {"scorer": Scorer.FUNCTION.value, "function": scorer}
    return data | _texts(data, schema)


def _texts(data: dict[str, Any], schema: str) -> dict[str, Any]:
    """What may stand in a row as a value and is text in an item."""
    expected, found = data.get("expected"), {}
    if data.get("scorer") in _IN_JSON:
        found["schema"] = data.get("schema", schema)
        if isinstance(found["schema"], dict | bool):
            found["schema"] = json.dumps(found["schema"])
    is_number = isinstance(expected, int | float) and not isinstance(expected, bool)
    if isinstance(expected, dict | list) or (is_number and data.get("scorer") == Scorer.NUMERIC):
        found["expected"] = json.dumps(expected, ensure_ascii=False)
    return found


def _require_whole_characters(item: Item) -> None:
    said = [text for turn in item.messages for text in turn]
    texts = [item.id, item.slice, item.expected, item.schema, *item.choices, *said]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"a text has half a character in it: {error.reason}") from error


def _require_identities(items: Iterable[Item], path: Path) -> None:
    counts = Counter(item.id for item in items)
    if not counts:
        raise ConfigError(f"{path.name} holds no item: there is nothing to measure accuracy on")
    mistakes = Mistakes()
    for name, count in counts.items():
        if count > 1:
            often = "twice" if count == 2 else f"{count:,} times"
            mistakes.add(f"{path.name}: each item needs an id of its own: found {name!r} {often}")
    mistakes.refuse()
