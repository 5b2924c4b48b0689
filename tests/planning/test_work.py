import pytest

from harness.planning.cost import Cost
from harness.planning.work import RELOAD, START, Rates, Work, asked

RATES = Rates(
    starts=10,
    reloads=5,
    requests=1,
    prompt_tokens=0.1,
    squares=0.001,
    new_tokens=0.5,
    attended=0.01,
    scored=0.2,
)


def test_a_request_takes_its_prompt_its_attention_and_its_new_tokens():
    seconds = RATES.seconds(asked(100, 4))
    assert seconds == pytest.approx(1 + 10 + 0.001 * 100**2 + 2 + 0.01 * 4 * 102)


def test_what_is_kept_of_a_prompt_is_not_read_again_and_is_attended_to():
    whole, rest = asked(100), asked(100, kept=60)
    assert rest.prompt_tokens == 40
    assert rest.squares == 100**2 - 60**2
    assert RATES.seconds(rest) < RATES.seconds(whole)


def test_work_adds_up_and_can_be_repeated():
    twice = asked(10, 2, scored=3) * 2 + START + RELOAD
    assert twice == Work(1, 1, 2, 20, 200, 4, 44, 6)


def test_a_slower_engine_loads_as_fast_and_computes_slower():
    slower = RATES.slower(3)
    assert slower.seconds(START) == RATES.seconds(START)
    assert slower.seconds(asked(0, 1)) > 2 * RATES.seconds(asked(0, 1)) - 1


def test_processes_that_share_a_work_take_less_time_and_the_gates_own_stays():
    cost = Cost({"int4": asked(0) * 8}, at_once=2, seconds=1.0)
    assert cost.takes({"int4": RATES}) == pytest.approx(8 / 2 + 1)


def test_costs_of_one_variant_add_up():
    both = Cost({"a": START}) + Cost({"a": START, "b": RELOAD})
    assert both.work == {"a": START * 2, "b": RELOAD}
