import pytest

from harness.answer import Answer, Finish
from harness.errors import RequestError
from harness.exam import require_answers


def test_an_error_among_answers_is_evidence_against_who_gave_it():
    with pytest.raises(RequestError, match="int4 refused a request: too long") as raised:
        require_answers("int4", [Answer(), Answer(finish=Finish.ERROR, error="too long")])
    assert raised.value.variant == "int4"
