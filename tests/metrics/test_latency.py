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


@pytest.mark.parametrize(
    ("mine", "theirs", "stalled"),
    [
        ([50, 50, 50, 50, 50], [100] * 5, (0, 0)),
        ([50, 50, 50, 50, 300], [100] * 5, (1, 0)),
        ([50] * 5, [100, 100, 100, 100, 500], (0, 1)),
        ([50] * 5, [100, 100, 100, 10, 100], (0, 0)),  # quick for once is no stall of the other's
        ([5, 5, 5, 5, 99], [10] * 5, (0, 0)),  # a tenth of a second is not noticed
        ([1000, 1000, 1000, 1000, 2900], [2000] * 5, (0, 0)),
        ([50, 50, 50, 50, 500], [100, 100, 100, 100, 1000], (0, 0)),  # long for both
    ],
)
def test_an_answer_stalls_that_takes_far_longer_than_the_other_sides(mine, theirs, stalled):
    found = latency.stalls(mine, theirs)
    assert tuple(map(sum, found)) == stalled
    assert not any(any(side[:3]) for side in found)


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
