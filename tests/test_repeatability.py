"""The quick half of tests/benchmarks/test_repeatability.py: two sessions of what is cheap."""

import pytest

from tests.benchmarks.repeat import QUIET, TURNED, agreement, once

SUITES = ("latency", "accuracy")


@pytest.fixture(scope="module")
def sessions(embedded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("repeat")
    kinds = {"first": QUIET, "again": TURNED}
    return [
        once(seed, kind, folder / name, SUITES, ("int4", "fp32"))
        for seed, (name, kind) in enumerate(kinds.items(), start=1)
    ]


def test_a_clean_release_is_not_refused_whatever_the_seed_and_the_order(sessions):
    for session in sessions:
        assert session.verdict != "NO-GO", session.reasons
        assert session.verdict == "GO" or session.is_explained, session.reasons


@pytest.mark.parametrize("metric", ["latency.itl", "latency.total"])
def test_both_sessions_intervals_hold_what_they_measured_together(sessions, metric):
    held, pooled, _ = agreement([session.evidence for session in sessions], "int4", metric)
    assert held == 2, pooled
