"""Requests that contradict themselves are refused."""

from collections.abc import Mapping

import pytest

from harness.answer import Request, Sampling


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "exactly one of messages, text and token_ids"),
        ({"text": "a", "token_ids": (1,)}, "exactly one of messages, text and token_ids"),
        ({"text": "a", "max_new_tokens": -1}, "found -1"),
        ({"text": "a", "score_from": 0}, "score_from must be 1 or more: found 0"),
        ({"text": "a", "cancel_after": 0}, "cancel_after must be 1 or more: found 0"),
        ({"text": "a", "keep_prefix": True}, "keep_prefix is for requests that"),
        ({"text": "a", "sampling": Sampling(), "fresh": False}, "sampling must be fresh"),
        (
            {"text": "a", "score_from": 1, "fresh": False, "keep_prefix": True},
            "keep_prefix is for requests that generate",
        ),
        ({"text": "a", "continuations": ((1,), ())}, "must hold a token"),
        (
            {"text": "a", "continuations": ((1,),), "score_from": 1},
            "has no score_from",
        ),
        ({"text": "a", "continuations": ((1,),), "sampling": Sampling()}, "has no sampling"),
        ({"text": "a", "continuations": ((1,),), "watch": True}, "has no watch"),
        (
            {"text": "a", "continuations": ((1,),), "fresh": False, "keep_prefix": True},
            "has no keep_prefix",
        ),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(
    fields: Mapping[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Request(**fields)  # type: ignore[arg-type]
