import itertools

import numpy as np
import pytest

from harness.answer import Answer, Request
from harness.errors import InfrastructureError
from harness.metrics.latency import between_tokens_ms
from harness.pairing import Pairing, ProcessPair, sides, unsettled

SERIES = {"itl": between_tokens_ms}
REQUESTS = [Request(text=f"{number}") for number in range(40)]


def pairing(spread=0.01, warming=0.0):
    """Two sides whose first answers may still be warming up; what was asked, in order."""
    random, count, asked = np.random.default_rng(7), itertools.count(), []

    def ask(side, request):
        asked.append((side, request.text))
        slower = 1 + 4 * warming ** next(count) if warming else 1.0
        return answer((1 + side) * slower * float(np.exp(random.normal(0, spread))))

    return Pairing(ask, np.random.default_rng(3)), asked


def answer(itl_ms):
    stamps = 1e6 + np.arange(3) * itl_ms * 1e6
    return Answer(token_ids=(1, 2, 3), token_ns=stamps.astype(np.int64))


def test_every_request_is_asked_of_both_once_in_random_order():
    taken, asked = pairing()
    pairs = taken.each(REQUESTS)
    mine, theirs = sides(pairs, between_tokens_ms)
    assert mine.mean() == pytest.approx(1, abs=0.05)
    assert theirs.mean() == pytest.approx(2, abs=0.05)
    texts = [text for _, text in asked]
    assert texts[::2] == texts[1::2] != [it.text for it in REQUESTS]
    assert sorted(texts[::2]) == sorted(it.text for it in REQUESTS)
    first = [side for side, _ in asked[::2]]
    assert 5 < sum(first) < 35


def test_who_gives_fewer_tokens_than_the_other_is_not_faster():
    def ask(side, request):
        return Answer(token_ids=(1,) * (3 - side), token_ns=np.arange(3 - side))

    taken = Pairing(ask, np.random.default_rng(3), ("int4", "fp32"))
    said = "fp32 gave 2 new tokens where int4 gave 3"
    with pytest.raises(InfrastructureError, match=said):  # of nobody's model
        taken.one(Request(text="a", stop_at_end=False))
    assert taken.one(Request(text="a"))  # one may end sooner where it may end


def test_warming_up_is_over_when_times_are_steady():
    taken, _ = pairing(warming=0.9)
    warmups = taken.warm_up(REQUESTS[0], SERIES, 60)
    assert 10 < len(warmups) < 60
    assert unsettled(warmups, SERIES) == ()
    assert sides([taken.one(REQUESTS[0])], between_tokens_ms)[0, 0] < 1.1


def test_what_never_settles_says_so_and_is_not_waited_for():
    taken, _ = pairing(spread=0.0, warming=0.99)
    warmups = taken.warm_up(REQUESTS[0], SERIES, 12)
    assert len(warmups) == 12
    assert unsettled(warmups, SERIES) == (0, 1)


def test_of_two_the_side_that_does_not_settle_is_told():
    falling = [(answer(0.97**n), answer(2)) for n in range(12)]
    assert unsettled(falling, SERIES) == (0,)
    assert unsettled([pair[::-1] for pair in falling], SERIES) == (1,)


def test_no_warm_up_is_asked_for_none():
    taken, asked = pairing()
    assert taken.warm_up(REQUESTS[0], SERIES, 0) == asked == []
    assert unsettled([], SERIES) == ()


def test_what_is_timed_of_two_processes_is_all_but_the_warm_up():
    first, second, third = ((answer(n), answer(n)) for n in (1, 2, 3))
    taken = ProcessPair("1", warmups=(first,), pairs=(second,), uptime=(third,))
    assert taken.timed == (second, third)


def test_an_opening_is_the_load_and_the_first_answers_second_token():
    opened = ProcessPair("1", loads=(0.5, 0.25), first=(answer(1000), answer(2000)))
    assert opened.opening_s == pytest.approx((1.501, 2.251))
    assert ProcessPair("1", loads=(0.5, 0.25)).opening_s == (0.5, 0.25)
