"""What a session asks at long lengths, of what others have found before."""

from types import SimpleNamespace

import numpy as np
import pytest

from harness.climb import END_TOKENS, Climb
from harness.lengths import source_lengths
from harness.policy import Plan
from harness.route import Route
from harness.source_cache import SourceCache
from harness.source_lengths import SourceLengths

LENGTHS = (32, 64)
ROUTE = Route("fp32", {"fp32": LENGTHS}, (tuple(range(100)),))
ENDS = {length: np.full((END_TOKENS, 3), length, np.float32) for length in LENGTHS}


@pytest.fixture
def source(monkeypatch):
    """Stands for the source, and remembers at which lengths it was asked."""
    calls = []

    def answer(directory, fleet, reference, asked, known):
        calls.append([len(passage.token_ids) for passage in asked])
        return SourceLengths(dict.fromkeys(calls[-1], 1e-5))

    monkeypatch.setattr("harness.lengths.ask_lengths", answer)
    return calls


@pytest.fixture
def session(tmp_path):
    (tmp_path / "checkpoint").mkdir()

    def session(ends=ENDS, plan=None, keeps=True):
        bench = SimpleNamespace(
            plan=plan or Plan(),
            route=lambda: ROUTE,
            climbs=[Climb(ROUTE, {}, ends=ends)],
            reference="fp32",
            fleet=None,
            source=tmp_path / "checkpoint",
            source_cache=SourceCache(tmp_path / "source", {}) if keeps else None,
            remarks=[],
        )
        bench.remark = bench.remarks.append
        return source_lengths(bench), bench.remarks

    return session


def test_distances_of_an_earlier_session_are_told_with_its_day(session, source):
    first, remarks = session()
    assert (first.distances, remarks) == ({32: 1e-5, 64: 1e-5}, [])
    again, remarks = session()
    assert again.distances == first.distances
    assert remarks == [
        "The source was not asked at the ladder's lengths: its answers are kept from a session of "
        f"{again.kept_from}"
    ]
    assert source == [[32, 64]]


def test_without_a_cache_the_source_is_asked_in_every_session(session, source):
    assert [session(keeps=False)[1] for _ in range(2)] == [[], []]
    assert source == [[32, 64], [32, 64]]


def test_a_climb_that_did_not_get_to_the_end_keeps_nothing(session, source):
    for _ in range(2):
        session(ends={32: ENDS[32]})
    assert len(source) == 2


def test_a_plan_that_ends_the_comparison_sooner_is_asked_apart(session, source):
    session()
    found, remarks = session(plan=Plan(source_longest_tokens=48))
    assert source == [[32, 64], [32]]
    assert [*found.distances] == [32]
    assert "compared up to 48 tokens" in remarks[0]
