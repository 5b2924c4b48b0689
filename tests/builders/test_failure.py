import errno
import logging

import pytest

from harness.builders.failure import describe, logged_errors, restore
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


def test_what_a_library_logs_and_does_not_raise_is_kept_in_its_order() -> None:
    logger = logging.getLogger("some.library")
    with logged_errors("some") as found:
        for error in (KeyError("rope_type"), ValueError("no model")):
            try:
                raise error
            except Exception:
                logger.exception("the pass failed")
        logger.warning("nothing was raised here")
    logger.error("too late", exc_info=OSError())

    assert [type(error) for error in found] == [KeyError, ValueError]
