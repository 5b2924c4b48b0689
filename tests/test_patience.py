import pytest

from harness.answer import Request
from harness.patience import Patience


@pytest.mark.parametrize(("tokens", "seconds"), [(0, 120), (4096, 120), (8192, 240)])
def test_long_prompts_have_so_much_more_time(tokens, seconds):
    assert Patience(120.0).of(tokens) == seconds


def test_on_a_slow_machine_nobody_hangs_who_is_as_fast_as_the_reference():
    patience = Patience(120.0)
    patience.expect(4096, 300.0)
    assert patience.of(4096) == 3000.0
    assert patience.of(2048) == 1500.0
    assert patience.of(32) == 120.0


def test_a_chat_is_as_long_as_its_characters():
    chat = Request(messages=(("system", "be brief"), ("user", "x" * 40_000)))
    tokens, text = Request(token_ids=(1,) * 10_000), Request(text="x" * 20_000)
    patience = Patience(100.0)
    assert patience.of_plan([Request(text="hi"), chat]) == pytest.approx(100 * 20_004 / 4096)
    assert patience.of_plan([tokens]) == patience.of_plan([text]) == 100 * 10_000 / 4096
    assert patience.of_plan([]) == 100.0
