import re

import pytest

from harness import errors
from harness.errors import HarnessError

DRAWN = {
    name: (indent, int(status) if status else None)
    for indent, name, status in re.findall(
        r"^    (\W*)(\w+Error)(?:$| +([0-9]?) )", errors.__doc__, re.MULTILINE
    )
}


def classes(kind=HarnessError):
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from classes(below)


def test_every_exception_is_drawn_below_its_base():
    assert set(DRAWN) == {kind.__name__ for kind in classes()}
    for kind in classes():
        indent, _ = DRAWN[kind.__name__]
        assert len(indent) == 4 * (len(kind.__mro__) - len(HarnessError.__mro__))


@pytest.mark.parametrize("kind", list(classes()), ids=lambda kind: kind.__name__)
def test_an_exit_status_is_the_one_that_is_drawn(kind):
    _, status = DRAWN[kind.__name__]
    base = 6 if kind is HarnessError else kind.__base__.exit_status
    assert kind.exit_status == (base if status is None else status)
