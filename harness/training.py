"""Reads what a model was trained or calibrated on, as far as it was asked something."""

from collections.abc import Iterator, Sequence
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
    alone = [Trained(it.messages[-1:], it.place) for it in asked]
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
            turns = _turns(row)
        except ConfigError as error:
            raise ConfigError(f"{place}: {error}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{place} needs messages, conversations, prompt or instruction: "
                f"found {', '.join(row)}"
            ) from error
        ends = [end for end, (role, _) in enumerate(turns, 1) if role == "user"]
        for number, end in enumerate(ends, 1):
            turn = f", question {number} of {len(ends)}" if len(ends) > 1 else ""
            yield Trained(turns[:end], place + turn)


def _turns(row: dict[str, Any]) -> Messages:
    if isinstance(row.get("prompt"), str):
        return (("user", row["prompt"]),)
    if "instruction" in row:
        return (("user", "\n".join(filter(None, (row["instruction"], row.get("input"))))),)
    dialect = recognize(row)
    if dialect is not None:
        return (("user", dialect.prompt(row)),)
    if "conversations" in row:
        pairs = [(it["from"], it["value"]) for it in row["conversations"]]
    else:
        pairs = [(it["role"], it["content"]) for it in row.get("messages") or row["prompt"]]
    return tuple((_ROLES.get(role, role), content) for role, content in pairs)
