import pytest

from harness.answer import Request
from harness.patience import Patience


def of_length(tokens, new=1):
    return Request(token_ids=(1,) * tokens, max_new_tokens=new)


@pytest.mark.parametrize(("tokens", "seconds"), [(1, 120), (4096, 120), (8192, 240)])
def test_long_prompts_have_so_much_more_time(tokens, seconds):
    assert Patience(120.0).of([of_length(tokens)]) == seconds
    assert Patience(120.0).of([]) == 120.0


@pytest.mark.parametrize(("size_bytes", "seconds"), [(0, 120), (10**9, 120), (15 * 10**9, 750)])
def test_a_large_folder_may_take_longer_to_load(size_bytes, seconds):
    assert Patience(120.0).of_load(size_bytes) == seconds


def test_on_a_slow_machine_nobody_hangs_who_is_as_fast_as_the_reference():
    patience = Patience(120.0)
    patience.expect(per_prompt_token=0.1, per_new_token=1.2)
    assert patience.of([of_length(4096)]) == pytest.approx(4096 + 12)
    assert patience.of([of_length(32, new=256), of_length(2)]) == pytest.approx(32 + 3072)
    assert patience.of([of_length(32)]) == 120.0
    patient = patience.at_least(200.0)
    assert (patient.of([of_length(1)]), patience.of([of_length(1)])) == (200.0, 120.0)
    assert patient.of([of_length(4096)]) == pytest.approx(4096 + 12)


def test_a_chat_is_as_long_as_its_characters():
    chat = Request(messages=(("system", "be brief"), ("user", "x" * 40_000)))
    text, scored = (
        Request(text="x" * 20_000),
        Request(token_ids=(1,) * 9_000, continuations=((1,) * 1000,)),
    )
    patience = Patience(100.0)
    assert patience.of([Request(text="hi"), chat]) == pytest.approx(100 * 20_004 / 4096)
    assert patience.of([Request(text="\u5b57" * 20_000)]) == 100 * 30_000 / 4096
    assert patience.of([of_length(10_000)]) == patience.of([text]) == 100 * 10_000 / 4096
    assert patience.of([scored]) == 100 * 10_000 / 4096
