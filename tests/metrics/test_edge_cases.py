import pytest

from harness.answer import Answer, Finish, Request
from harness.metrics.edge_cases import broken_promise

REQUEST = Request(text="?", max_new_tokens=2)
NORMAL = Answer(token_ids=(1,), text="fine")


@pytest.mark.parametrize(
    ("odd", "after", "problem"),
    [
        (NORMAL, NORMAL, ""),
        (Answer(finish=Finish.ERROR, error="too long"), NORMAL, ""),
        (Answer(finish=Finish.ERROR), NORMAL, "an error without a message"),
        (Answer(token_ids=(1, 2, 3)), NORMAL, "3 new tokens, the limit was 2"),
        (Answer(text="\ud800"), NORMAL, "the text is not valid Unicode"),
        (NORMAL, Answer(text="other"), "a normal request after it gave 'other'"),
        (
            NORMAL,
            Answer(finish=Finish.ERROR, error="x"),
            "a normal request after it gave 'x'",
        ),
    ],
)
def test_what_must_hold_of_an_odd_request(odd, after, problem):
    assert broken_promise(REQUEST, odd, NORMAL, after) == problem
