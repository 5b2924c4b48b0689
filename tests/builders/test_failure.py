import errno
import logging

import pytest

from harness.builders.failure import blamed, describe, logged_errors, restore
from harness.errors import BuildError, ConfigError, HarnessError, InfrastructureError


@pytest.mark.parametrize("kind", [ConfigError, InfrastructureError, BuildError])
def test_an_error_of_ours_survives_the_way_between_processes(kind: type[HarnessError]) -> None:
    restored = restore(**describe(kind("as it was")))

    assert type(restored) is kind
    assert str(restored) == "as it was"


def test_a_full_disk_is_recognized_behind_another_error() -> None:
    error = RuntimeError("the pass failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")

    assert type(restore(**describe(error))) is InfrastructureError


def test_a_foreign_message_becomes_one_short_line() -> None:
    message = str(restore(**describe(ValueError("first\n  second" + "x" * 1000))))

    assert message.startswith("the build failed with ValueError: first second")
    assert len(message) < 400


def logs(level: int, error: Exception | None = None, message: str = "the pass failed") -> None:
    logging.getLogger("some.library").log(level, message, exc_info=error)


def test_what_a_library_logs_and_does_not_raise_is_kept_in_its_order() -> None:
    with logged_errors("some") as found:
        logs(logging.WARNING, KeyError("rope_type"))
        logs(logging.WARNING)
        logs(logging.INFO, OSError("nobody cares"))
        logs(logging.ERROR)
    logs(logging.ERROR, OSError("too late"))

    assert [(it.levelno, bool(it.exc_info)) for it in found] == [
        (logging.WARNING, True),
        (logging.ERROR, False),
    ]


@pytest.mark.parametrize(
    ("logged", "words"),
    [
        (
            [(logging.WARNING, OSError("no cache")), (logging.ERROR, KeyError("rope_type"))],
            "KeyError: 'rope_type'",
        ),
        (
            [(logging.ERROR, OSError("no cache")), (logging.WARNING, KeyError("rope_type"))],
            "KeyError: 'rope_type'",
        ),
        ([(logging.WARNING, OSError("no cache")), (logging.ERROR, None)], "the pass failed"),
        (
            [(logging.ERROR, KeyError("rope_type")), (logging.WARNING, None)],
            "KeyError: 'rope_type'",
        ),
    ],
    ids=["an early warning", "what a pass got over", "no exception", "a last warning of nothing"],
)
def test_the_error_that_is_nearest_to_the_failure_is_blamed(
    logged: list[tuple[int, Exception | None]], words: str
) -> None:
    with logged_errors("some") as found:
        for level, error in logged:
            logs(level, error)

    said, cause = blamed(found)
    assert said == words
    assert (cause is None) is ("Error" not in words)
