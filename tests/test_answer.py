"""Requests that contradict themselves are refused."""

from collections.abc import Mapping

import pytest

from harness.answer import Request


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "exactly one of messages, text and token_ids"),
        ({"text": "a", "token_ids": (1,)}, "exactly one of messages, text and token_ids"),
        ({"text": "a", "max_new_tokens": -1}, "found -1"),
        ({"text": "a", "score_from": 0}, "score_from must be 1 or more: found 0"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(
    fields: Mapping[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Request(**fields)  # type: ignore[arg-type]
