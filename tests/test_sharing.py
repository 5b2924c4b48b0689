import os

import pytest

from harness.answer import Answer, Request
from harness.errors import CrashError
from harness.runtimes.isolated import Isolated
from harness.runtimes.scripted import Scripted
from harness.sharing import Cost, ask_at_once, cost, worthwhile

SMALL = Cost(seconds=0.002, cores=1.0)


class Whose(Scripted):
    """Says in `prompt_tokens` which process it is."""

    def answer(self, request):
        answer = super().answer(request)
        return Answer(answer.prompt_ids, text=answer.text, prompt_tokens=os.getpid())


class DiesOfNine(Scripted):
    def misbehave(self, number, request):
        if request.max_new_tokens == 9:
            os.abort()


def test_an_engine_of_one_thread_leaves_the_other_cores_to_copies():
    assert worthwhile(SMALL, 1000, start_seconds=0.1, cores=2, room=9) == 2
    assert worthwhile(SMALL, 1000, start_seconds=0.1, cores=4, room=9) == 4
    assert worthwhile(Cost(0.002, 1.04), 1000, start_seconds=0.1, cores=2, room=9) == 2


def test_an_engine_that_keeps_the_cores_busy_is_left_alone():
    assert worthwhile(Cost(0.5, 1.8), 1000, start_seconds=1.0, cores=2, room=9) == 1
    assert worthwhile(Cost(0.5, 3.6), 1000, start_seconds=1.0, cores=8, room=9) == 2


def test_what_is_computed_elsewhere_is_not_asked_of_copies():
    assert worthwhile(Cost(0.5, 0.1), 1000, start_seconds=1.0, cores=64, room=9) == 1


def test_a_copy_is_not_started_that_takes_longer_than_it_saves():
    assert worthwhile(SMALL, 20, start_seconds=0.1, cores=2, room=9) == 1
    assert worthwhile(SMALL, 20, start_seconds=0.0, cores=2, room=9) == 2


def test_copies_are_no_more_than_there_is_memory_for_and_never_many():
    assert worthwhile(SMALL, 10_000, start_seconds=0.1, cores=4, room=1) == 1
    assert worthwhile(SMALL, 10_000, start_seconds=0.1, cores=64, room=99) == 8


def test_a_cost_is_seconds_and_busy_cores_a_request():
    answers = [Answer(started_ns=0, ended_ns=2_000_000, cpu_ns=3_000_000)] * 4
    assert cost(answers) == Cost(0.002, 1.5)
    assert cost([]) == Cost(0.0, 0.0)


def test_a_first_request_that_warms_up_is_not_what_a_request_costs():
    warming = Answer(started_ns=0, ended_ns=20_000_000, cpu_ns=40_000_000)
    usual = [Answer(started_ns=0, ended_ns=2_000_000, cpu_ns=2_000_000)] * 15
    assert cost([warming, *usual]) == Cost(0.002, 1.0)


@pytest.fixture
def two(tmp_path):
    def make(runtime):
        found = [Isolated(f"{__name__}:{runtime}", tmp_path, label="it") for _ in range(2)]
        opened.extend(found)
        return found

    opened = []
    yield make
    for runtime in opened:
        runtime.close()


def test_answers_come_in_the_order_of_the_plan_from_all_processes(two):
    plan = [Request(text=f"number {number}") for number in range(41)]
    runtimes = two("Whose")
    found = ask_at_once(runtimes, plan, seconds=0.02)
    alone = runtimes[0].run(plan)
    assert [it.prompt_ids for it in found] == [it.prompt_ids for it in alone]
    assert [it.text for it in found] == [it.text for it in alone]
    assert len({it.prompt_tokens for it in found}) == 2


def test_no_request_is_no_answer(two):
    assert ask_at_once(two("Whose"), [], seconds=0.02) == []
    assert ask_at_once(two("Whose")[:1], [], seconds=0.02) == []


def test_the_death_of_one_process_is_raised(two):
    plan = [Request(text="it", max_new_tokens=1 + number % 10) for number in range(40)]
    with pytest.raises(CrashError, match="it: the process died of SIGABRT"):
        ask_at_once(two("DiesOfNine"), plan, seconds=0.02)
