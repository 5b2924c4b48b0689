"""Chat templates beside each other by what they render: a comment is no difference."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.metrics.compared import Compared

_TOOL = {
    "type": "function",
    "function": {
        "name": "find_train",
        "description": "Finds a train",
        "parameters": {
            "type": "object",
            "properties": {"to": {"type": "string", "description": "Where to"}},
            "required": ["to"],
        },
    },
}
_OTHER_TOOL = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Books seats",
        "parameters": {
            "type": "object",
            "properties": {
                "seats": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"row": {"type": "integer"}, "side": {"enum": ["A", "B"]}},
                    },
                }
            },
            "required": [],
        },
    },
}
_CALL = {"type": "function", "function": {"name": "find_train", "arguments": {"to": "Rome"}}}
_OTHER_CALL = {
    "type": "function",
    "function": {"name": "book", "arguments": {"seats": [{"row": 7, "side": "A"}]}},
}
_TURNS = 12


def _said(*turns: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in turns]


def _long() -> list[dict[str, Any]]:
    turns = [(("user", "assistant")[turn % 2], f"Number {turn}") for turn in range(_TURNS)]
    return _said(("system", "Be brief."), *turns, ("user", "The last one?"))


_MESSAGES: dict[str, dict[str, Any]] = {
    "one question": {"messages": _said(("user", "Where is gate 4?"))},
    "a system message": {"messages": _said(("system", "Be brief."), ("user", "Where is gate 4?"))},
    "several turns": {
        "messages": _said(
            ("user", "Hi"), ("assistant", "Hello!"), ("user", "Two for Rome"), ("assistant", "Done")
        )
    },
    "turns after a system message": {
        "messages": _said(
            ("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello!"), ("user", "Bye")
        )
    },
    "spaces around": {"messages": _said(("user", "\n  Where?  \n"), ("assistant", "  Here. \n"))},
    "an empty question": {"messages": _said(("user", ""))},
    "no messages": {"messages": []},
    "two questions in a row": {"messages": _said(("user", "One"), ("user", "Two"))},
    "accents and emoji": {
        "messages": _said(("user", "Cafe\u0301 à Zürich \U0001f469\u200d\U0001f467"))
    },
    "markup": {"messages": _said(("user", "<b>{{ x }}</b> & {% y %} <|im_end|>"))},
    "thought": {
        "messages": _said(
            ("user", "7 times 8?"), ("assistant", "<think>\n56\n</think>\n\n56"), ("user", "Sure?")
        )
    },
    "no thinking": {"messages": _said(("user", "Where?")), "enable_thinking": False},
    "a tool": {"messages": _said(("user", "A train to Rome")), "tools": [_TOOL]},
    "a tool that was used": {
        "messages": [
            *_said(("system", "Be brief."), ("user", "A train to Rome")),
            {"role": "assistant", "content": "", "tool_calls": [_CALL]},
            *_said(("tool", '{"at": "7:30"}'), ("user", "Thanks")),
        ],
        "tools": [_TOOL],
    },
    "a long chat after a system message": {"messages": _long()},
    "a long chat with a tool": {"messages": _long(), "tools": [_TOOL]},
    "two tools": {"messages": _said(("user", "A train to Rome")), "tools": [_TOOL, _OTHER_TOOL]},
    "two tools that were used at once": {
        "messages": [
            *_said(("user", "A seat to Rome")),
            {"role": "assistant", "content": "", "tool_calls": [_CALL, _OTHER_CALL]},
            *_said(("tool", '{"at": "7:30"}'), ("tool", "done"), ("user", "Thanks")),
        ],
        "tools": [_TOOL, _OTHER_TOOL],
    },
}

CHATS: dict[str, dict[str, Any]] = {
    f"{name}, {'to be answered' if answered else 'closed'}": {
        **chat,
        "add_generation_prompt": answered,
    }
    for name, chat in _MESSAGES.items()
    for answered in (True, False)
}
"""Chats by name that two templates must render alike."""

_CUT = 60


def compare_renderings(
    mine: Sequence[str], theirs: Sequence[str], what: str, names: Sequence[str] = tuple(CHATS)
) -> Compared:
    """Chats that are rendered in two ways; what both refuse, for whatever reason, is alike.

    `what` says what the first one is not: "the source checkpoint's".
    """
    off = [
        (name, one, other)
        for name, one, other in zip(names, mine, theirs, strict=True)
        if one != other and not (_is_refused(one) and _is_refused(other))
    ]
    if not off:
        return Compared((what,))
    name, one, other = off[0]
    shown = _around(one, other)
    return Compared(
        (what,),
        (
            f"the chat template is not {what}: {len(off)} of {len(mine)} chats are rendered "
            f"otherwise, the first is {name} ({shown[0]!r} for {shown[1]!r})",
        ),
    )


def _is_refused(text: str) -> bool:
    return text.startswith("refused: ")


def _around(one: str, other: str) -> tuple[str, str]:
    """Both texts from a little before the first place where they differ."""
    place = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    start = max(0, (min(len(one), len(other)) if place is None else place) - 10)
    return one[start : start + _CUT], other[start : start + _CUT]


def named_template(value: Any) -> str:
    """The template of a tokenizer_config.json, the default one where there are several."""
    if isinstance(value, list):
        named = {str(it.get("name")): it.get("template") for it in value if isinstance(it, Mapping)}
        value = named.get("default")
    return value if isinstance(value, str) else ""
