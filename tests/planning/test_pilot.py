"""The pilot on an engine whose costs are known, and that takes no time."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from harness.answer import Answer, Finish
from harness.planning.pilot import pilot

TOKENS = tuple(range(4096))


class Engine:
    """Reads a prompt of n tokens in 2 ms + n / 10,000 s + n² / 10⁸ s, writes a token in 5 ms."""

    load_seconds = 0.5

    def __init__(self, clock):
        self.clock = clock
        self.lengths = []

    def ready(self):
        self.clock[0] += 0.7

    def memory(self):
        longest = max(self.lengths, default=0)
        return SimpleNamespace(peak_bytes=10**8 + 1000 * longest)

    def run(self, plan):
        [request] = plan
        length = len(request.token_ids)
        self.lengths.append(length)
        self.clock[0] += 0.002 + 1e-4 * length + 1e-8 * length**2
        if request.score_from is not None:
            rows = np.zeros((length - request.score_from, 4), np.float32)
            self.clock[0] += 0.01 * len(rows)
            return [Answer(request.token_ids, finish=Finish.SCORED, logits=rows)]
        count = request.max_new_tokens
        self.clock[0] += 0.005 * (count - 1)
        stamps = np.arange(count) * 5_000_000
        return [Answer(request.token_ids, finish=Finish.LENGTH, token_ns=stamps)]


@pytest.fixture
def engine(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return Engine(clock)


def test_the_rates_are_the_engines_own(engine):
    rates = pilot(engine, TOKENS, 4096, 1e-4).rates
    assert rates.starts == pytest.approx(0.7)
    assert rates.reloads == 0.5
    assert rates.requests == pytest.approx(0.002, rel=0.05)
    assert rates.prompt_tokens == pytest.approx(1e-4, rel=0.05)
    assert rates.squares == pytest.approx(1e-8, rel=0.05)
    assert rates.new_tokens == pytest.approx(0.005, rel=0.05)
    assert rates.scored == pytest.approx(0.01, rel=0.05)


def test_memory_grows_with_the_longest_prompt(engine):
    found = pilot(engine, TOKENS, 4096, 1e-4)
    assert found.peak_bytes(8192) == pytest.approx(10**8 + 8192 * 1000, rel=0.01)


def test_no_prompt_is_longer_than_asked(engine):
    pilot(engine, TOKENS, 100, 1e-4)
    assert max(engine.lengths) == 100


def test_a_prompt_that_would_take_long_is_not_tried(engine):
    engine.run = slow(engine.run, engine.clock)
    rates = pilot(engine, TOKENS, 4096, 1e-4).rates
    assert max(engine.lengths) < 1024
    assert rates.squares == pytest.approx(1e-4 * rates.prompt_tokens)  # for short ones do not tell


def slow(run, clock):
    def later(plan):
        clock[0] += 0.03 * len(plan[0].token_ids)
        return run(plan)

    return later
