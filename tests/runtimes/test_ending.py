"""How a process ended and on what, in words."""

import sys

import pytest

from harness.answer import Request
from harness.runtimes.ending import describe_exit, describe_request


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize(
    ("returncode", "text"),
    [
        (-11, "died of SIGSEGV (segmentation fault)"),
        (-9, "died of SIGKILL (as the out-of-memory killer does)"),
        (-15, "died of SIGTERM"),
        (-200, "died of signal 200"),
        (3, "ended with exit status 3"),
        (0xC0000005, "ended with exit status 3221225477 (0xc0000005)"),
    ],
)
def test_an_exit_is_named(returncode: int, text: str) -> None:
    assert describe_exit(returncode) == text


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (Request(text="ab\ncd"), "text of 5 characters: 'ab\\ncd'"),
        (Request(text="x" * 99), f"text of 99 characters: '{'x' * 40}'"),
        (Request(text="\ud800ü"), "text of 2 characters: '\\ud800\\xfc'"),
        (Request(token_ids=(1, 2)), "2 token ids: 1, 2"),
        (
            Request(token_ids=(1, 2), continuations=((3,), (4, 5))),
            "2 token ids, scored with 2 continuations: 1, 2",
        ),
        (Request(messages=(("system", "abc"), ("user", "de"))), "chat of 5 characters: 'de'"),
        (Request(messages=()), "chat of 0 characters: ''"),
    ],
)
def test_a_request_is_described_in_one_line(request_: Request, text: str) -> None:
    assert describe_request(request_) == text
