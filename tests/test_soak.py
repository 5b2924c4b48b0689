"""The leak protocol on a process that says what memory it is said to take."""

import itertools
import math

import pytest

from harness import soak as soaking
from harness.answer import Request
from harness.errors import InfrastructureError, ModelError, RequestError
from harness.item import Item
from harness.policy import Limit, Plan, Rule, Severity
from harness.probes.memory import Memory
from harness.release import Precision
from harness.runtimes.channel import Cycles
from harness.soak import Bound, Counter, Kind, Run, cycles_of_requests, run_of, soak
from harness.statistic import Statistic

PLAN = (Request(text="hello"),) * 20
BOUNDS = (Bound(Counter.PRIVATE, 0.25, 0.95), Bound(Counter.HEAP, 0.25, 0.95))
ITEMS = tuple(
    Item(f"item-{n}", (("user", f"question {n} " + "long " * n),), "x" * (30 - n))
    for n in range(30)
)


def leak(cycle):
    return 20.0 * cycle


def slowing(cycle):
    return 4000.0 * math.log(cycle)


def settling(cycle):
    return 4000.0 * math.log(min(cycle, 40))


def flat(cycle):
    return 0.0


class Process:
    """Stands for an isolated runtime whose memory follows a function of the cycles served."""

    def __init__(self, private=flat, heap=flat, errors=0, at_most=10**9):
        self.private, self.heap = private, heap
        self.errors, self.at_most = errors, at_most
        self.asked = []
        self.cycles = itertools.count(1)

    def run_cycles(self, plan, cycles, *, allowed_bytes):
        self.asked.append(cycles)
        samples = tuple(self.sample() for _ in range(min(cycles, self.at_most)))
        error = "too long" if self.errors else ""
        seconds = (0.1,) * len(samples)
        return Cycles(samples, seconds, len(plan) * len(samples), self.errors, error)

    def sample(self):
        cycle = next(self.cycles)
        private, heap = (1024 * int(it(cycle)) for it in (self.private, self.heap))
        return Memory(10**8 + private, 10**7, 10**9, 10**9 + cycle, 10**7 + heap)


class TokenizerOnly(Process):
    def __init__(self):
        super().__init__()
        self.run_tokenizer_cycles, self.run_cycles = super().run_cycles, None


def test_a_run_that_grows_or_does_not_is_not_doubled():
    for private in (leak, flat):
        process = Process(private)
        found = soak(process, Kind.ANSWERED, PLAN, Run(20, 2, BOUNDS))
        assert process.asked == [20]
        assert (len(found.samples), len(found.seconds), found.requests) == (20, 20, 20)
        assert found.peak_bytes(100) == 10**9 + 20
        assert found.peak_bytes(1) < found.peak_bytes(100)


def test_a_run_in_doubt_goes_on_in_the_same_process_until_it_is_settled():
    process = Process(settling)
    found = soak(process, Kind.ANSWERED, PLAN, Run(20, 3, BOUNDS))
    assert process.asked == [20, 20, 40, 80]
    assert found.levels(Counter.PRIVATE)[39:] == [10**8 + 1024 * int(settling(40))] * 121


def test_a_run_that_stays_in_doubt_is_doubled_as_often_as_planned():
    process = Process(slowing)
    assert len(soak(process, Kind.ANSWERED, PLAN, Run(20, 2, BOUNDS)).samples) == 80
    assert process.asked == [20, 20, 40]


def test_a_run_in_doubt_goes_on_no_longer_than_there_is_time():
    asked = []

    def has_time(seconds):
        asked.append(seconds)
        return len(asked) < 2

    process = Process(slowing)
    soak(process, Kind.ANSWERED, PLAN, Run(20, 2, BOUNDS), has_time)
    assert process.asked == [20, 20]
    assert asked[1] == pytest.approx(2 * asked[0])
    soak(Process(leak), Kind.ANSWERED, PLAN, Run(20, 2, BOUNDS), has_time)
    assert len(asked) == 2  # nothing is in doubt, so that nobody asks


def test_doubt_of_one_counter_is_no_reason_to_go_on_when_the_other_has_none():
    process = Process(slowing, heap=leak)
    soak(process, Kind.ANSWERED, PLAN, Run(20, 2, BOUNDS))
    assert process.asked == [20]


def test_doubt_within_the_bounds_is_no_reason_to_go_on():
    process = Process(lambda cycle: slowing(cycle) / 4000)
    soak(process, Kind.ANSWERED, PLAN, Run(20, 2, BOUNDS))
    assert process.asked == [20]


def test_growth_that_may_be_more_than_is_allowed_is_measured_on():
    """A rise of 0.2 KiB a request within a saw tooth: above 0 surely, and perhaps over 0.25."""

    def rising(cycle):
        return 4.0 * cycle + 2 * (cycle * 7919 % 23)

    process = Process(rising)
    soak(process, Kind.ANSWERED, PLAN, Run(20, 2, BOUNDS))
    assert process.asked == [20, 20]


def test_pages_that_come_and_go_are_no_reason_to_go_on():
    process = Process(lambda cycle: 6.0 * (cycle * 7919 % 23))
    soak(process, Kind.ANSWERED, PLAN, Run(20, 2, BOUNDS))
    assert process.asked == [20]


def test_only_the_tokenizer_is_asked_to_tokenize():
    process = TokenizerOnly()
    assert len(soak(process, Kind.TOKENIZED, PLAN, Run(4)).samples) == 4


def test_a_refusal_counts_against_the_model_unless_it_must_refuse():
    for kind in (Kind.ANSWERED, Kind.STOPPED, Kind.TOKENIZED):
        process = Process(errors=3)
        process.run_tokenizer_cycles = process.run_cycles
        with pytest.raises(RequestError, match=f"{kind}: too long"):
            soak(process, kind, PLAN, Run(4))
    assert soak(Process(errors=3), Kind.REFUSED, PLAN, Run(4)).samples


def test_a_leak_that_would_fill_the_machine_is_stopped_and_says_so(monkeypatch):
    monkeypatch.setattr(soaking, "available_bytes", lambda: 4 * 2**30)
    with pytest.raises(ModelError, match=r"60 requests took over 2\.0 GiB at plain answers"):
        soak(Process(at_most=3), Kind.ANSWERED, PLAN, Run(20))
    with pytest.raises(ModelError, match=r"60 requests took over 1\.0 GiB at plain answers"):
        soak(Process(at_most=3), Kind.ANSWERED, PLAN, Run(20, at_once=2))


def test_what_two_cycles_take_may_be_taken_once(monkeypatch):
    monkeypatch.setattr(soaking, "available_bytes", lambda: 4 * 2**30)
    with pytest.raises(InfrastructureError, match=r"40 requests took over 2\.0 GiB .*: too few"):
        soak(Process(at_most=2), Kind.ANSWERED, PLAN, Run(20))


def test_what_was_stopped_late_enough_can_be_judged():
    assert len(soak(Process(leak, at_most=16), Kind.ANSWERED, PLAN, Run(20)).samples) == 16


def test_the_longest_chats_come_first_and_every_kind_has_its_own_requests():
    cycles = cycles_of_requests(ITEMS, (1,) * 9)
    assert list(cycles) == list(Kind)
    assert [len(it) for it in cycles.values()] == [20, 20, 20, 10, 8]
    answered = [it.messages for it in cycles[Kind.ANSWERED]]
    assert answered[:4] == [it.messages for it in ITEMS[:-5:-1]]
    assert len(set(answered)) == 20
    assert all(it.fresh and not it.stop_at_end for it in cycles[Kind.ANSWERED])
    assert {len(it.token_ids) for it in cycles[Kind.REFUSED]} == {9}


def test_long_prompts_are_longer_than_any_chat_each_another_and_fit_the_context():
    long = cycles_of_requests(ITEMS, (1,) * 4097)[Kind.LONG]
    texts = [it.messages[-1][1] for it in long]
    assert [len(it) for it in texts] == [500, 1000] * 4
    assert len(set(texts)) == 8
    short = cycles_of_requests(ITEMS[:1], (1,) * 513)[Kind.LONG]
    assert {len(it.messages[-1][1]) for it in short} == {128}


def test_answers_are_cut_short_by_the_model_and_by_the_next_request_in_turn():
    stopped = cycles_of_requests(ITEMS, (1,))[Kind.STOPPED]
    assert {(it.fresh, it.stop_at_end) for it in stopped[::2]} == {(False, False)}
    assert {(it.fresh, it.stop_at_end) for it in stopped[1::2]} == {(True, True)}
    assert max(it.max_new_tokens for it in stopped[::2]) < stopped[1].max_new_tokens


def test_a_bank_of_few_items_makes_short_cycles():
    assert len(cycles_of_requests(ITEMS[:3], (1,))[Kind.STOPPED]) == 3


def test_plain_answers_are_soaked_longest_and_none_too_short_to_judge():
    assert run_of(Kind.ANSWERED, Plan(memory_cycles=50), (), None).cycles == 50
    for cycles, others in ((50, 25), (20, 15), (4, 4)):
        assert run_of(Kind.REFUSED, Plan(memory_cycles=cycles), (), None).cycles == others
    for cycles, dear in ((50, 15), (15, 15), (4, 4)):
        assert run_of(Kind.LONG, Plan(memory_cycles=cycles), (), None).cycles == dear


def test_the_bounds_are_the_policys_with_its_confidence_shared_out_over_the_kinds():
    rules = [
        Rule("a", "a", "memory.heap", Statistic.GROWTH, Severity.GUARD, at_most=0.5,
             precision={Precision.INT4: Limit(at_most=1.0)}, confidence=0.96),
        Rule("b", "b", "memory.private", Statistic.GROWTH, Severity.INFO),
        Rule("c", "c", "memory.heap", Statistic.MAXIMUM, at_most=1.0),
        Rule("d", "d", "theirs.own", Statistic.GROWTH, at_most=1.0),
    ]  # fmt: skip
    found = run_of(Kind.ANSWERED, Plan(memory_doublings=3), rules, Precision.INT4)
    assert found.doublings == 3
    assert found.bounds == (Bound(Counter.HEAP, 1.0, pytest.approx(0.992)),)
