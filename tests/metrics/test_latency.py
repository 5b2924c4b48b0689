from dataclasses import replace

import numpy as np
import pytest

from harness.answer import Answer
from harness.errors import InfrastructureError
from harness.metrics import latency

ANSWER = Answer(
    prompt_ids=(1, 2, 3, 4, 5),
    token_ids=(5, 6, 7),
    started_ns=1_000_000,
    ended_ns=31_000_000,
    cpu_ns=45_000_000,
    token_ns=np.array([21_000_000, 23_000_000, 27_000_000]),
)


def test_times_come_from_the_stamps_of_emitted_tokens():
    assert latency.first_token_ms([ANSWER]) == [20.0]
    assert latency.between_tokens_ms([ANSWER]) == [3.0]
    assert latency.decode_rates([ANSWER]) == pytest.approx([1000 / 3])
    assert latency.gaps_ms([ANSWER]) == [[2.0, 4.0]]
    assert latency.whole_ms([ANSWER]) == [30.0]
    assert latency.prefill_rates([ANSWER]) == pytest.approx([5 / 0.020])


def test_gaps_are_relative_to_their_answers_pace():
    def gaps(*each_ms):
        token_ns = np.cumsum([ANSWER.started_ns, *(1_000_000 * it for it in each_ms)])
        return replace(ANSWER, token_ns=token_ns)

    given = [gaps(2, 2, 8), gaps(1, 1, 4), gaps(0, 0, 3), gaps(0, 0)]
    assert latency.relative_gaps(given) == [[1, 1, 4], [1, 1, 4], [0, 0, 3], [1, 1]]


def answer_of(early_ms: float, late_ms: float) -> Answer:
    gaps = np.repeat([early_ms, (early_ms + late_ms) / 2, late_ms], [5, 10, 5]) * 1_000_000
    token_ns = np.cumsum([ANSWER.started_ns, *gaps.astype(int)])
    return replace(ANSWER, token_ns=token_ns, ended_ns=int(token_ns[-1]))


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ((2, 3), (10, 11), 1.0),  # attention takes its millisecond on both sides
        ((2, 6), (10, 11), 2.0),
        ((20, 30), (10, 15), 1.0),  # all of it is twice as dear
        ((2, 2), (10, 5), 1.0),  # that the reference warms up makes nobody else slow
        ((2, 4), (10, 5), 2.0),
        ((2, 4), (0, 0), 2.0),  # its tokens came all at once
    ],
)
def test_late_tokens_are_dear_beyond_the_growth_of_the_other_side(mine, theirs, expected):
    [found], [harmless] = latency.late_over_early([answer_of(*mine)], [answer_of(*theirs)])
    assert found / harmless == pytest.approx(expected)


@pytest.mark.parametrize(
    ("times", "stalled"),
    [
        ([50, 60, 50, 50], 0),
        ([50, 300, 50, 50], 1),
        ([50, 300, 300, 50], 0),  # half of the time is what it takes
        ([5, 99, 5, 5], 0),  # a tenth of a second is not noticed
        ([1000, 2900, 1000, 1000], 0),
    ],
)
def test_an_answer_stalls_that_takes_far_longer_than_others_to_the_same(times, stalled):
    found = latency.stalls(times, ["same"] * 4)
    assert sum(found) == stalled
    assert not found[0]


def test_of_two_answers_to_a_request_neither_is_usual():
    assert latency.comparable(["a", "b", "a", "b", "c", "a"]) == [0, 2, 5]
    assert latency.comparable([]) == []


def test_a_request_that_takes_long_by_itself_is_no_stall():
    times, kinds = [50.0, 50.0, 900.0, 50.0, 950.0, 900.0], ["a", "a", "b", "a", "b", "b"]
    assert not any(latency.stalls(times, kinds))


def test_processor_time_is_of_all_threads():
    assert latency.processor_ms_per_token([ANSWER]) == [15.0]
    assert latency.cores_busy([ANSWER]) == [1.5]


@pytest.mark.parametrize(
    "changes",
    [
        {"started_ns": 22_000_000},
        {"ended_ns": 26_000_000},
        {"token_ns": np.array([21_000_000, 28_000_000, 27_000_000])},
    ],
)
def test_a_clock_that_steps_back_is_no_fault_of_the_model(changes):
    with pytest.raises(InfrastructureError, match="clock stepped back"):
        latency.whole_ms([replace(ANSWER, **changes)])


def test_a_short_answer_is_waited_for_as_long_as_another_short_one():
    of = [replace(ANSWER, token_ids=(1,) * count) for count in (0, 2, 8, 30)]
    assert latency.awaited_tokens(of) == [8.0, 8.0, 8.0, 30.0]
