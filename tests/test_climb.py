"""Climbs with answers made up on the spot."""

import hashlib
import itertools
import threading
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from harness.answer import Answer, Finish
from harness.climb import climb, climb_again
from harness.errors import CrashError, RequestError
from harness.metrics.scaling import ladder
from harness.route import Route

NAMES = ("fp32", "int8", "int4")
VOCABULARY = 7


class Fleet:
    """Keeps what was asked; `odd` may answer in place of `answer`."""

    def __init__(self, odd=lambda name, request: None):
        self.odd = odd
        self.asked = []
        self.ended = []

    def ask(self, name, plan, copy=0):
        [request] = plan
        self.asked.append((name, request, copy))
        return [self.odd(name, request) or answer(request)]

    def abort(self):
        pass

    def end_copies(self, name):
        self.ended.append(name)

    def lengths(self, scored, name="fp32"):
        return [
            len(request.token_ids)
            for asked, request, _ in self.asked
            if asked == name and (request.score_from is not None) == scored
        ]


def answer(request):
    length = len(request.token_ids)
    stamps = np.arange(1, 9) * 1_000_000 + length
    if request.score_from is None:
        return Answer(request.token_ids, started_ns=0, ended_ns=10**7, token_ns=stamps)
    logits = np.stack([of_token(token) for token in request.token_ids[request.score_from :]])
    return Answer(request.token_ids, finish=Finish.SCORED, logits=logits)


def of_token(token):
    digest = hashlib.sha256(str(token).encode()).digest()[:VOCABULARY]
    return np.frombuffer(digest, np.uint8).astype(np.float32)


def route(longest=100, **shorter):
    rungs = {name: ladder(shorter.get(name, longest)) for name in NAMES}
    texts = tuple(tuple(range(start, start + longest + 100)) for start in (0, 1000))
    return Route("fp32", rungs, texts, repetitions=2)


def random(purpose):
    return np.random.default_rng(len(purpose))


def test_logits_are_compared_up_the_ladder_before_the_times_are_taken():
    fleet = Fleet()
    found = climb(fleet, route(), random)
    scored = [request.score_from is not None for _, request, _ in fleet.asked]
    first, last = scored.index(True), len(scored) - scored[::-1].index(True)
    assert all(scored[first:last])
    assert fleet.lengths(scored=True) == sorted(fleet.lengths(scored=True))
    assert [length for length, _ in found.deviations] == fleet.lengths(scored=True)


def test_the_same_positions_are_compared_at_every_length():
    found = climb(Fleet(lambda name, request: None), route(), random)
    spreads = {}
    for length, apart in found.deviations:
        spreads.setdefault(length, []).extend(apart["int4"].spread)
    assert list(spreads) == [32, 48, 64, 96, 100]
    assert len(spreads[32]) == 2 * 128
    assert spreads[32] == spreads[64] == spreads[100]


def test_times_are_in_random_order_and_the_shortest_come_before_and_after():
    fleet = Fleet()
    found = climb(fleet, route(), random)
    lengths = [length for length, _ in found.timings]
    assert Counter(lengths) == dict.fromkeys((32, 48, 64, 96, 100), 4)
    assert lengths != sorted(lengths)
    assert [length for length, _ in found.before] == [length for length, _ in found.after]
    assert {length for length, _ in found.before} == {32}
    assert fleet.lengths(scored=False)[-len(found.after) :] == [32] * len(found.after)


def test_the_shortest_prompts_come_right_after_one_of_the_longest():
    for seed in range(5):
        found = climb(Fleet(), route(), lambda purpose, seed=seed: np.random.default_rng(seed))
        assert found.timings[-1][0] == 100


def test_the_climb_is_made_in_processes_of_its_own_that_are_ended():
    fleet = Fleet()
    climb(fleet, route(), random)
    assert {copy for _, _, copy in fleet.asked} == {1}
    assert sorted(fleet.ended) == sorted(NAMES)


def test_everybody_is_asked_the_very_same_in_each_round():
    fleet = Fleet()
    climb(fleet, route(), random)
    for at in range(0, len(fleet.asked), 3):
        names, requests, _ = zip(*fleet.asked[at : at + 3], strict=True)
        assert sorted(names) == sorted(NAMES)
        assert requests[0] == requests[1] == requests[2]


def test_the_ends_of_the_first_text_are_kept_of_the_reference():
    found = climb(Fleet(), route(200), random)
    assert list(found.ends) == [32, 48, 64, 96, 128, 200]
    text = route(200).texts[0]
    for end in found.ends.values():
        np.testing.assert_array_equal(end, [of_token(token) for token in text[-8:]])


def lasting(seconds, from_tokens=0):
    """Answers that take so long from a length of their prompts on."""

    def odd(name, request):
        is_long = len(request.token_ids) >= from_tokens and request.score_from is None
        return replace(answer(request), ended_ns=int(seconds * 1e9)) if is_long else None

    return Fleet(odd)


@pytest.mark.parametrize(("seconds", "times"), [(0.05, (40, 10)), (0.2, (10, 10)), (3.0, (4, 4))])
def test_what_takes_long_is_timed_again_less_often(seconds, times):
    taken = climb_again(lasting(seconds), route(600), "int4", [64, 512], random)
    counts = Counter(length for length, _ in taken)
    assert (counts[64], counts[512]) == times


@pytest.mark.parametrize(("seconds", "times"), [(1.9, (8, 8, 4)), (2.1, (8, 2, 2))])
def test_what_takes_long_is_timed_twice_at_first(seconds, times):
    found = climb(lasting(seconds, 200), replace(route(600), repetitions=4), random)
    counts = Counter(length for length, _ in found.timings)
    assert (counts[64], counts[256], counts[600]) == times
    assert found.timings[-1][0] == 600


def test_logits_alone_are_asked_of_several_at_once():
    both = threading.Barrier(2, timeout=60)

    def odd(name, request):
        if request.score_from is not None and name in ("int4", "int8"):
            both.wait()  # neither answers before the other is asked

    with_two = climb(Fleet(odd), route(), random, at_once=3)
    alone = climb(Fleet(), route(), random)
    assert [it for it, _ in with_two.deviations] == [it for it, _ in alone.deviations]
    for (_, mine), (_, other) in zip(with_two.deviations, alone.deviations, strict=True):
        np.testing.assert_array_equal(mine["int4"].error, other["int4"].error)


def test_of_several_at_once_the_one_that_fails_is_blamed():
    def odd(name, request):
        if name == "int8" and request.score_from is not None and len(request.token_ids) > 50:
            raise CrashError("int8: died")

    found = climb(Fleet(odd), route(), random, at_once=3)
    with pytest.raises(CrashError, match="int8: died"):
        found.require("int8")
    found.require("int4")


def test_a_variant_with_a_shorter_context_is_not_asked_longer_prompts():
    fleet = Fleet()
    climb(fleet, route(int4=64), random)
    assert max(fleet.lengths(scored=False, name="int4")) == 64
    assert max(fleet.lengths(scored=False, name="int8")) == 100


def test_a_crash_at_some_length_is_kept_with_the_shortest_and_the_others_go_on():
    def odd(name, request):
        if name == "int4" and len(request.token_ids) > 50:
            raise CrashError(f"int4: died at {len(request.token_ids)}")

    fleet = Fleet(odd)
    found = climb(fleet, route(), random)
    with pytest.raises(CrashError, match="int4: died at 64"):
        found.require("int4")
    found.require("int8")
    assert len(found.timings) == 5 * 4
    assert set(found.timings[0][1]) == {"fp32", "int8"}
    assert sorted(fleet.ended) == sorted(NAMES)


def test_logits_of_another_vocabulary_are_evidence_against_the_variant():
    def odd(name, request):
        found = answer(request)
        if name == "int4" and found.logits is not None:
            return replace(found, logits=found.logits[:, 1:])
        return None

    found = climb(Fleet(odd), route(), random)
    with pytest.raises(RequestError, match=r"int4 gave logits \(24, 6\), the reference \(24, 7\)"):
        found.require("int4")
    found.require("int8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits": None}, "gave no logits"),
        ({"token_ns": np.arange(1)}, "gave 1 new tokens, which cannot be timed"),
    ],
)
def test_answers_without_what_they_were_asked_for_are_not_used(change, message):
    def odd(name, request):
        return replace(answer(request), **change) if name == "int8" else None

    with pytest.raises(RequestError, match=message):
        climb(Fleet(odd), route(), random).require("int8")


def test_what_keeps_the_reference_from_the_end_keeps_everybody():
    def odd(name, request):
        return Answer(finish=Finish.ERROR, error="no") if name == "fp32" else None

    found = climb(Fleet(odd), route(), random)
    for name in NAMES:
        with pytest.raises(RequestError, match="fp32 refused a prompt of 32 tokens: no") as raised:
            found.require(name)
        assert raised.value.variant == "fp32"


def test_without_a_rung_nothing_is_asked():
    fleet = Fleet()
    found = climb(fleet, Route("fp32", {"fp32": (), "int4": ()}), random)
    found.require("int4")
    assert fleet.asked == []


def test_lengths_are_measured_again_of_one_variant_beside_the_reference():
    fleet = Fleet()
    taken = climb_again(fleet, route(600), "int4", [64, 512], random)
    times = [64] * 40 + [512] * 10  # what is short is cheap, and noisiest
    assert sorted(length for length, _ in taken) == times
    assert {name for name, _, _ in fleet.asked} == {"int4", "fp32"}


def test_what_fails_when_measured_again_is_raised():
    def odd(name, request):
        return Answer(finish=Finish.ERROR, error="no") if len(request.token_ids) == 64 else None

    with pytest.raises(RequestError, match="refused a prompt of 64 tokens"):
        climb_again(Fleet(odd), route(), "int4", [64], random)


def test_no_two_prompts_in_a_row_begin_alike():
    fleet = Fleet()
    climb(fleet, route(), random)
    begins = [
        request.token_ids[0]
        for name, request, _ in fleet.asked
        if name == "fp32" and request.score_from is None
    ]
    assert sum(a == b for a, b in itertools.pairwise(begins)) <= 4
