from pathlib import Path

import pytest

from harness.answer import Request
from harness.edge_case import EdgeCase
from harness.errors import ConfigError
from harness.store import read_edge_cases

PACK = Path(__file__).parent.parent / "fixtures" / "edge_cases.toml"


def prompt(length):
    return tuple(range(length))


def test_a_text_is_sent_as_a_users_message_repeated():
    case = EdgeCase("words", text="again ", repeat=3, max_new_tokens=5)
    expected = Request(messages=(("user", "again again again "),), max_new_tokens=5)
    assert case.request(64, prompt) == expected


@pytest.mark.parametrize(("plus", "length"), [(-1, 63), (0, 64), (1000, 1064)])
def test_a_long_prompt_is_counted_from_the_context(plus, length):
    request = EdgeCase("long", context_plus=plus).request(64, prompt)
    assert request.token_ids == prompt(length)


@pytest.mark.parametrize(
    ("given", "found"), [({}, "neither"), ({"text": "a", "context_plus": 1}, "both")]
)
def test_a_case_is_a_text_or_a_length(given, found):
    with pytest.raises(ConfigError, match=f"either text or context_plus: found {found}"):
        EdgeCase("odd", **given)


def test_the_gates_own_pack_makes_a_request_of_every_case():
    cases = read_edge_cases(PACK)
    assert {case.request(64, prompt).max_new_tokens for case in cases} == {0, 1, 16}
    assert {case.context_plus for case in cases} >= {-1, 0, 1}
