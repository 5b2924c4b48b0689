import numpy as np
import pytest

from harness.answer import Answer
from harness.metrics import latency

ANSWER = Answer(
    token_ids=(5, 6, 7),
    started_ns=1_000_000,
    token_ns=np.array([21_000_000, 23_000_000, 27_000_000]),
)


def test_times_come_from_the_stamps_of_emitted_tokens():
    assert latency.first_token_ms([ANSWER]) == [20.0]
    assert latency.between_tokens_ms([ANSWER]) == [3.0]
    assert latency.decode_rates([ANSWER]) == pytest.approx([1000 / 3])
