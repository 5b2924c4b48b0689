import itertools

import numpy as np
import pytest

from harness.answer import Answer
from harness.metrics.latency import between_tokens_ms
from harness.pairing import Size, Watch, run_beside_itself, run_until_decided

SERIES = {"itl": between_tokens_ms}
LIMIT = (Watch("itl", 1.05, 0.9),)


def asking(ratio, spread=0.05, warming=0):
    """Pairs whose ratio and spread are known; the first ones may still be warming up."""
    random = np.random.default_rng(7)
    count = itertools.count()

    def ask():
        slower = 1 + 4 * 0.8 ** next(count) if warming else 1.0
        mine, theirs = np.exp(random.normal(0, spread, 2)) * [ratio * slower, 1.0]
        return answer(mine), answer(theirs)

    return ask


def answer(itl_ms):
    stamps = 1e6 + np.arange(3) * itl_ms * 1e6
    return Answer(token_ids=(1, 2, 3), token_ns=stamps.astype(np.int64))


def test_what_is_plain_is_decided_long_before_the_plan_is_used_up():
    for ratio in (0.6, 2.0):
        run = run_until_decided(asking(ratio), SERIES, LIMIT, Size(40, 10, 400))
        assert len(run.pairs) < 100


def test_what_is_close_takes_its_whole_plan_and_no_more():
    run = run_until_decided(asking(1.05), SERIES, LIMIT, Size(40, 10, 400))
    assert len(run.pairs) in (run.planned["itl"], 400) or len(run.pairs) < run.planned["itl"]
    assert run.planned["itl"] <= 400


def test_a_run_has_its_least_and_most_whatever_is_decided():
    assert len(run_until_decided(asking(0.1), SERIES, LIMIT, Size(0, 70, 400)).pairs) == 70
    assert len(run_until_decided(asking(1.05, 0.5), SERIES, LIMIT, Size(0, 10, 30)).pairs) == 30
    assert len(run_until_decided(asking(0.1), SERIES, (), Size(0, 10, 30)).pairs) == 30


@pytest.mark.parametrize("run_pairs", [run_until_decided, run_beside_itself])
def test_warming_up_is_over_when_times_are_steady_and_is_kept_apart(run_pairs):
    run = run_pairs(asking(1.0, 0.02, warming=True), SERIES, LIMIT, Size(60, 10, 60))
    assert 10 < len(run.warmups) < 60
    first = between_tokens_ms([pair[0] for pair in run.warmups])
    assert first[0] > 3
    assert between_tokens_ms([run.pairs[0][0]])[0] < 1.3


def test_beside_itself_a_variant_is_not_measured_until_decided_but_until_it_is_known():
    run = run_beside_itself(asking(1.0), SERIES, LIMIT, Size(40, 10, 2000))
    assert run.planned == {}
    assert 48 < len(run.pairs) < 2000
