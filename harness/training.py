"""Reads what a model was trained or calibrated on, as far as it was asked something."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.answer import Messages
from harness.banks.known import recognize
from harness.data_check import Problem, Trained, leaks
from harness.errors import ConfigError
from harness.item import Item
from harness.rows import read_rows

_ROLES = {"human": "user", "gpt": "assistant"}


def calibration_leaks(items: Sequence[Item], path: Path) -> list[Problem]:
    """Held-out items that the quantizer looks at, by content: whatever the file is called.

    A question counts wherever in a conversation it is asked.
    """
    asked = list(read_trained(path))
    alone = [replace(it, messages=it.messages[-1:]) for it in asked]
    return leaks(items, (*asked, *alone), "calibrated on")


def refuse_leaks(items: Sequence[Item], path: Path) -> None:
    """ConfigError of one line where calibration data hold what variants are judged by."""
    found = calibration_leaks(items, path)
    if found:
        raise ConfigError(
            f"[data] calibration must hold no held-out conversation, or a variant is judged by "
            f"what it was made for: {path.name} has {len(found)} of {len(items)}, the first is "
            f"{found[0].ids[0]}, {found[0].reason}"
        )


def read_trained(path: Path, split: str = "") -> Iterator[Trained]:
    """Every chat of a training file up to every question in it, with the line where it stands.

    A row has `messages` or `prompt` as domain items have, `conversations` of `from` and `value`
    (ShareGPT), an `instruction` with or without `input` (Alpaca), or what a row of a public bank
    has (`harness.banks`), but for a text alone. Raises ConfigError of one line for any other.
    """
    for place, row in read_rows(path, split):
        try:
            chats = _chats(row)
        except ConfigError as error:
            raise ConfigError(f"{place}: {error}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{place} needs messages, conversations, prompt or instruction: "
                f"found {', '.join(row)}"
            ) from error
        choices = _choices(row)
        for turns in chats:
            ends = [end for end, (role, _) in enumerate(turns, 1) if role == "user"]
            for number, end in enumerate(ends, 1):
                turn = f", question {number} of {len(ends)}" if len(ends) > 1 else ""
                yield Trained(turns[:end], place + turn, choices)


def _choices(row: dict[str, Any]) -> tuple[str, ...]:
    """The choices that a row offers; none where it says no right one, and so makes no question."""
    if (dialect := recognize(row)) is None:
        offered = row.get("choices")
        is_known = isinstance(offered, list) and all(isinstance(it, str) for it in offered)
        return tuple(offered or ()) if is_known else ()
    try:
        return dialect.read(row).choices
    except ConfigError:
        return ()


def _chats(row: dict[str, Any]) -> list[Messages]:
    """What a row holds: a prompt beside the messages that it begins may be another text."""
    if isinstance(row.get("prompt"), str):
        alone: Messages = (("user", row["prompt"]),)
        has_more = row.get("messages") or row.get("conversations")
        return [alone, _turns(row)] if has_more else [alone]
    return [_turns(row)]


def _turns(row: dict[str, Any]) -> Messages:
    if row.get("messages"):
        return _said((it["role"], it["content"]) for it in row["messages"])
    if "instruction" in row:
        return (("user", "\n".join(filter(None, (row["instruction"], row.get("input"))))),)
    dialect = recognize(row)
    if dialect is not None:
        return (("user", dialect.prompt(row)),)
    if "conversations" in row:
        return _said((it["from"], it["value"]) for it in row["conversations"])
    return _said((it["role"], it["content"]) for it in row["prompt"])


def _said(pairs: Iterable[tuple[str, Any]]) -> Messages:
    return tuple((_ROLES.get(role, role), _text(content)) for role, content in pairs)


def _text(content: Any) -> str:
    """What is said in a turn: nothing where it calls a tool, the texts of its parts together."""
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content)
    if not isinstance(content, str):
        raise ConfigError(f"content must be text, or a list of parts with text: found {content!r}")
    return content
