from pathlib import Path

import pytest

from harness.answer import Request, Sampling
from harness.edge_case import EdgeCase, merged, replaced
from harness.errors import ConfigError
from harness.metrics.edge_cases import Expected
from harness.store import read_edge_cases

PACK = Path(__file__).parent.parent / "fixtures" / "edge_cases.toml"


def prompt(length):
    return tuple(range(length))


def encode(text):
    return list(text.encode())


def request(**case):
    return EdgeCase("odd", **case).request(64, prompt, encode)


def test_a_text_is_sent_as_a_users_message_repeated():
    expected = Request(messages=(("user", "again again again "),), max_new_tokens=5)
    assert request(text="again ", repeat=3, max_new_tokens=5) == expected


@pytest.mark.parametrize(("plus", "length"), [(-1, 63), (0, 64), (1000, 1064)])
def test_a_long_prompt_is_counted_from_the_context(plus, length):
    assert request(context_plus=plus).token_ids == prompt(length)


def test_a_chat_is_sent_as_it_stands():
    turns = (("assistant", "a"), ("wizard", "b"))
    assert request(turns=turns).messages == turns
    assert request(turns=()).messages == ()


@pytest.mark.parametrize(
    ("given", "is_chat"),
    [
        ({"text": "a"}, False),
        ({"context_plus": 1}, False),
        ({"turns": (("user", "a"),)}, False),
        ({"turns": ()}, True),
        ({"turns": (("wizard", "a"),)}, True),
        ({"turns": (("user", "a"), ("user", "b"))}, True),
    ],
)
def test_a_case_is_a_chat_unless_it_is_one_message_of_the_users(given, is_chat):
    assert EdgeCase("odd", **given).is_chat is is_chat


def test_bytes_that_are_no_text_become_lone_surrogates():
    assert request(hexadecimal="48 ff").messages == (("user", "H\udcff"),)


def test_a_prompt_may_end_within_a_character():
    assert request(text="é", cut_tokens=1).token_ids == (0xC3,)


def test_how_it_is_sampled_and_when_it_is_cancelled_is_part_of_the_request():
    asked = request(text="a", sampling=Sampling(top_k=1), cancel_after=2)
    assert (asked.sampling, asked.cancel_after) == (Sampling(top_k=1), 2)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "give one of text, turns, hexadecimal, context_plus: found none"),
        ({"text": "a", "context_plus": 1}, "found text and context_plus"),
        ({"turns": (), "cut_tokens": 1}, "cut_tokens needs text: found turns"),
        ({"text": "a", "repeat": 0}, "repeat 1 or more: found 0 and 0"),
        ({"text": "a", "cut_tokens": -1}, "found -1 and 1"),
        ({"hexadecimal": "xy"}, "non-hexadecimal number"),
        ({"text": "a", "cancel_after": 0}, "cancel_after must be 1 or more"),
        ({"text": "a", "max_new_tokens": -1}, "max_new_tokens must not be negative"),
    ],
)
def test_a_case_that_cannot_be_is_refused_by_name(given, message):
    with pytest.raises(ConfigError, match=f"edge case odd: .*{message}"):
        EdgeCase("odd", **given)


def test_what_a_later_pack_changes_is_named():
    mine, other = EdgeCase("a", text="a"), EdgeCase("b", text="b")
    changed, new = EdgeCase("a", text="c"), EdgeCase("d", text="d")
    assert replaced((mine, other), (changed, other, new)) == ("a",)
    assert replaced((mine, other), ()) == ()


def test_a_later_pack_adds_cases_and_replaces_those_of_the_same_name():
    mine, yours = EdgeCase("a", text="x"), EdgeCase("a", text="y", expected=Expected.ERROR)
    other, new = EdgeCase("b", text="z"), EdgeCase("c", text="w")
    assert merged((mine, other), (new, yours)) == (yours, other, new)


def test_packs_are_read_into_one(tmp_path):
    (tmp_path / "mine.toml").write_text('[cases.empty]\ntext = "?"\n[cases.mine]\ntext = "!"\n')
    cases = {case.name: case for case in read_edge_cases(PACK, tmp_path / "mine.toml")}
    assert (cases["empty"].text, cases["mine"].text) == ("?", "!")
    assert len(cases) == len(read_edge_cases(PACK)) + 1


def test_the_gates_own_pack_makes_a_request_of_every_case():
    cases = read_edge_cases(PACK)
    made = [case.request(64, prompt, encode) for case in cases]
    assert {it.max_new_tokens for it in made} >= {0, 1, 16}
    assert {case.context_plus for case in cases} >= {-1, 0, 1}
    assert any(it.sampling for it in made)
    assert any(it.cancel_after for it in made)
    assert {case.expected for case in cases} == set(Expected)
