"""What is wrong with an answer whatever was asked: it repeats itself, has no end, or no content."""

import json
import re
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from harness.answer import Answer, Finish, Request

_LEAST_TOKENS = 16
_LEAST_REPEATS = 4
_CONTROL = re.compile(
    r"<\|[^<>|\s]{1,40}\|>|<｜[^<>｜]{1,40}｜>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS)\]"
    r"|<</?SYS>>|</?(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>|</?s>(?=\s*$)"
)
_ROLE = re.compile(
    r"^[ \t]*(?:system|user|assistant|#+ ?(?:instruction|input|response|user|assistant))"
    r"[ \t]*:?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)


class Symptom(StrEnum):
    """How an answer may be degenerate."""

    EMPTY = "empty answer"
    NO_END = "no end"
    REPETITION = "repetition"
    TEMPLATE = "template text"
    REPLACEMENT = "replacement character"


def is_natural(request: Request) -> bool:
    """Whether the answer is one that a user would read: to a chat, greedy, to its own end."""
    return (
        request.messages is not None
        and request.stop_at_end
        and not request.is_scored
        and request.sampling is None
        and not request.defaults
        and request.cancel_after is None
        and request.max_new_tokens > 0
    )


def symptoms(request: Request, answer: Answer) -> tuple[Symptom, ...]:
    """What is degenerate in the answer to a natural request; nothing for a good one.

    A request for a few tokens is not expected to end by itself. Text that the user wrote may come
    back, and an answer that is JSON may repeat itself.
    """
    said = "\n".join(content for _, content in request.messages or ())
    found = {
        Symptom.EMPTY: not answer.text.strip(),
        Symptom.NO_END: _has_no_end(answer),
        Symptom.REPETITION: repeats(answer.token_ids) and not _is_json(answer.text),
        Symptom.TEMPLATE: _leaks(answer.text, said),
        Symptom.REPLACEMENT: _is_replaced(answer, said),
    }
    return tuple(symptom for symptom, is_there in found.items() if is_there)


def repeats(token_ids: Sequence[int]) -> bool:
    """Whether half of a sequence or more is one piece, four times or more in a row.

    Under 16 tokens in a row are none: "no no no no" may be meant.
    """
    ids = np.asarray(token_ids)
    least = max(_LEAST_TOKENS, (len(ids) + 1) // 2)
    return any(
        _longest_run(ids[period:] == ids[:-period]) + period >= max(least, _LEAST_REPEATS * period)
        for period in range(1, len(ids) // _LEAST_REPEATS + 1)
    )


def _longest_run(flags: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> int:
    """How many are true in a row, at most."""
    ends = np.flatnonzero(~np.concatenate(([False], flags, [False])))
    return int(np.diff(ends).max()) - 1


def _has_no_end(answer: Answer) -> bool:
    return answer.finish is Finish.LENGTH and len(answer.token_ids) >= _LEAST_TOKENS


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _leaks(text: str, said: str) -> bool:
    """Whether a control token, or a line that is a role's name, is in it and the user's is not."""
    marks = any(mark not in said for mark in _CONTROL.findall(text))
    return marks or bool({*_roles(text)} - {*_roles(said)})


def _roles(text: str) -> list[str]:
    return [line.strip() for line in _ROLE.findall(text)]


def _is_replaced(answer: Answer, said: str) -> bool:
    """The last character may be half of one where the answer was cut."""
    text = answer.text.rstrip("\ufffd") if answer.finish is Finish.LENGTH else answer.text
    return "\ufffd" in text and "\ufffd" not in said
