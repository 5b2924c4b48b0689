import itertools
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from harness.bench import Bench
from harness.conditions import Conditions
from harness.estimate import estimate
from harness.finding import Outcome
from harness.fleet import Fleet
from harness.interim import is_decided, outcomes
from harness.item import Item
from harness.metrics.latency import first_token_ms, whole_ms
from harness.pairing import ProcessPair, sides
from harness.policy import Plan, Rule, Severity
from harness.probes.own_time import own_seconds
from harness.release import Precision, Role
from harness.speed import (
    UPTIME,
    PairedRun,
    Questions,
    _Race,
    loads,
    opening,
    paired_run,
    questions,
    uptime_tokens,
)
from harness.stage import Stage
from harness.statistic import Statistic
from harness.variant import Recipe, Variant
from tests.plugins.slowness import LOADS

ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "x") for n in range(12))
ROLES = {"fp32": Role.REFERENCE, "int4": Role.CANDIDATE, "old": Role.BASELINE}
TOTAL = Rule("latency.whole", "whole", "latency.total", Statistic.RATIO, at_most=1.1)
DRIFT = Rule("latency.d", "drift", "latency.uptime", Statistic.DRIFT, Severity.GUARD, at_most=1.05)
SERIES = {"ttft": first_token_ms}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A bench of a candidate on made-up clocks; `plan` and the way it is slow are the test's."""
    fleets = []
    (tmp_path / "loads").mkdir()
    monkeypatch.setenv(LOADS, str(tmp_path / "loads"))

    def bench(way="copy", name="int4", rules=(TOTAL, DRIFT), **plan):
        (tmp_path / way).mkdir()
        (tmp_path / way / "genai_config.json").write_text(json.dumps({}))
        (tmp_path / "plain").mkdir()
        variants = {
            it: Variant(
                Recipe(it, role, Precision.FP32),
                tmp_path / (way if it == "int4" else "plain"),
                {},
                "sha256:0",
            )
            for it, role in ROLES.items()
        }
        fleets.append(Fleet(variants, "tests.plugins.slowness:Timed", 60.0))
        brief = {"latency_pairs": 6, "latency_least_processes": 2, "latency_processes": 12}
        made = Plan(**{**brief, "latency_warmup_pairs": 0, "latency_uptime_pairs": 40, **plan})
        stage = Stage(fleets[-1], "fp32", ITEMS, made, "here", baseline="old", rules=rules)
        return Bench(stage, name, "latency")

    yield bench
    for fleet in fleets:
        fleet.close()


@pytest.fixture(autouse=True)
def others(monkeypatch):
    """How much of the only core others use while each process pair is measured: nothing."""
    shares, busy = itertools.repeat(0.0), itertools.count()

    def set_shares(given):
        nonlocal shares
        shares = iter(given)

    state = {"busy": 0.0, "at": 0}

    def capture():
        state["at"] += 1
        if next(busy) % 2:  # the end of a stretch
            state["busy"] += next(shares, 0.0)
        return Conditions(float(state["at"]), 1, busy_seconds=state["busy"], own_seconds=0.0)

    monkeypatch.setattr("harness.speed.capture_conditions", capture)
    return set_shares


def measured(bench, beside="fp32"):
    """What a suite would make of a run."""

    def measure(run):
        mine, theirs = sides(run.pairs, whole_ms).tolist()
        total = bench.sample("total", "ms", mine, theirs, beside=beside)
        found = [replace(total, clusters=tuple(run.names), planned=run.planned)]
        if used := run.used.pairs:
            mine, theirs = sides(used, whole_ms).tolist()
            drift = bench.sample(UPTIME, "ms", mine, theirs, beside=beside)
            found.append(replace(drift, clusters=tuple(run.used.names)))
        return [replace(it, disturbance=run.trouble) for it in found]

    return measure


def taken(bench, beside="fp32"):
    return paired_run(bench, beside, questions(bench), SERIES, measured(bench, beside))


def test_a_run_ends_when_its_rules_are_decided(bench):
    it = bench("dear-first")
    run = taken(it)
    assert len(run.processes) < it.plan.latency_processes
    assert is_decided(it, measured(it)(run))
    assert [len(pair.pairs) for pair in run.processes] == [6] * len(run.processes)


@pytest.mark.parametrize(("way", "outcome"), [("copy", Outcome.PASS), ("dear-rest", Outcome.FAIL)])
def test_a_run_beside_the_previous_release_ends_when_its_rules_are_decided(bench, way, outcome):
    it = bench(way, rules=(replace(TOTAL, versus=Role.BASELINE),))
    run = taken(it, beside="old")
    assert len(run.processes) < it.plan.latency_processes
    assert outcomes(it, measured(it, "old")(run)) == {outcome}


OPENING = Rule(
    "latency.o", "opening", "latency.opening", Statistic.RATIO, Severity.GUARD, at_most=2.0
)


@pytest.mark.parametrize(
    ("way", "outcome"),
    [("copy", Outcome.PASS), ("lazy", Outcome.FAIL), ("lazy-decoder", Outcome.FAIL)],
)
@pytest.mark.parametrize("has_answered", [False, True])
def test_what_a_load_puts_off_is_found_in_the_first_answer(bench, way, outcome, has_answered):
    it = bench(way, rules=(OPENING,), latency_warmup_pairs=12)
    if has_answered:  # then those process pairs are what is judged
        taken(it)

    def opened(run):
        mine, theirs = zip(*(pair.opening_s for pair in run.processes), strict=True)
        found = it.sample("opening", "s", mine, theirs, beside="fp32")
        return [replace(found, clusters=tuple(pair.name for pair in run.processes))]

    assert outcomes(it, opened(loads(it, "fp32", opened))) == {outcome}


def test_what_is_close_takes_the_whole_budget(bench):
    rule = replace(TOTAL, at_most=1.0)
    run = taken(bench(rules=(rule,), latency_processes=6))
    assert (len(run.processes), run.planned) == (6, 6)


def test_more_processes_are_not_taken_for_a_drift_that_they_would_say_nothing_of(bench):
    drift = replace(DRIFT, at_most=1.12)  # about what it is
    run = taken(bench("tiring-little", rules=(replace(TOTAL, at_most=2.0), drift)))
    assert (len(run.processes), len(run.used.processes)) == (4, 4)


def test_every_process_pair_is_a_new_one_asked_the_same(bench):
    run = taken(bench(rules=()))
    assert [it.name for it in run.processes] == ["1", "2"]
    asked = [sorted(mine.prompt_ids for mine, _ in it.pairs) for it in run.processes]
    assert asked[0] == asked[1]
    levels = [np.median(first_token_ms([mine for mine, _ in it.pairs])) for it in run.processes]
    assert levels[0] != levels[1]


def test_a_disturbed_process_pair_is_left_out_and_another_one_taken(bench, others):
    others([1.0, 0.0, 1.0])
    it = bench("dear-first")
    run = taken(it)
    assert run.trouble == ""
    assert len(run.processes) >= 2
    assert is_decided(it, measured(it)(run))
    [remark] = it._stage.remarks
    assert "2 of " in remark
    assert "others used" in remark


def test_where_nothing_is_undisturbed_the_run_says_so_and_comes_to_an_end(bench, others):
    others(itertools.repeat(1.0))
    it = bench("dear-first")
    run = taken(it)
    assert len(run.processes) == 4  # twice the least
    assert "others used" in run.trouble
    assert not is_decided(it, measured(it)(run))


def test_our_own_processes_are_no_others_where_the_system_forgets_who_ended(bench, monkeypatch):
    def capture():
        at = next(moments)
        with monkeypatch.context() as system:
            busy = own_seconds()
            system.setattr("os.times", lambda: os.times_result((*times()[:2], 0.0, 0.0, at)))
            return Conditions(at, 1, busy_seconds=busy, own_seconds=own_seconds())

    times, moments = os.times, itertools.count(0.0)
    monkeypatch.setattr("harness.speed.capture_conditions", capture)
    run = taken(bench(rules=(), disturbed_share=0.2))
    assert [it.trouble for it in run.processes] == ["", ""]


def test_what_the_variant_alone_never_settles_to_is_not_left_out_of_the_run(bench):
    it = bench("restless", latency_warmup_pairs=12, latency_least_processes=3)
    run = taken(it)
    assert run.trouble.startswith("int4 alone had not settled in 2 of ")
    assert len(run.processes) <= 4  # no more of them would change it
    assert outcomes(it, measured(it)(run)) == {Outcome.INCONCLUSIVE}


@pytest.mark.parametrize("restless", [[(0,)], [(0,), (0, 1)], [(0,), (0,), (1,)]])
def test_what_others_do_not_settle_to_either_is_left_out(bench, restless):
    race = _Race(bench(), "fp32", Questions((), ()), SERIES)
    race.kept += [ProcessPair("kept")] * 2
    race._troubled += [ProcessPair("left", trouble="not settled", restless=it) for it in restless]
    assert race.run().trouble == ""
    assert len(race.run().processes) == 2
    assert race.is_room


@pytest.mark.parametrize(("way", "most"), [("tiring", 4), ("copy", 2)])
def test_a_slowdown_with_use_must_come_back_in_every_process(bench, way, most):
    run = taken(bench(way, rules=(DRIFT,), latency_least_processes=4))
    assert (len(run.used.processes) == 4) == (way == "tiring")
    assert 1 <= len(run.used.processes) <= most
    assert len(run.processes) == 4


def test_a_drift_within_its_limit_is_measured_until_twice_that_is_excluded(bench):
    it = bench(rules=(DRIFT,), latency_least_processes=4, latency_uptime_pairs=12)
    [drift] = [found for found in measured(it)(taken(it)) if found.metric.endswith(UPTIME)]
    whole = estimate(drift, Statistic.DRIFT, 0.97)
    assert len(drift.values) > 12
    assert whole.value < 1.05
    assert whole.upper < 1.05**2


@pytest.mark.parametrize(("way", "tokens"), [("copy", 16), ("slow", 14)])
def test_slow_answers_are_short_where_only_their_drift_is_asked_for(bench, way, tokens):
    run = taken(bench(way))
    assert {len(it.token_ns) for pair in run.used.pairs for it in pair} == {tokens}


def test_drift_is_measured_beside_the_reference_alone(bench):
    assert taken(bench(rules=()), "old").used.pairs == []


def test_beside_itself_a_variant_is_measured_until_its_machine_is_known(bench):
    run = taken(bench(name="fp32"))
    assert (run.planned, run.used.pairs) == (0, [])
    assert 2 <= len(run.processes) <= 4


def test_questions_are_the_banks_first_items_as_long_as_the_reference_answers(bench):
    asked = questions(bench())
    assert (len(asked.mix), len(asked.long)) == (5, 1)
    assert len({it.max_new_tokens for it in asked.mix}) > 1
    assert asked.long[0].max_new_tokens == ITEMS[0].max_new_tokens
    assert not any(it.stop_at_end for it in asked.every)


def test_a_process_is_asked_the_end_of_the_shortest_question_first():
    chats = ((("system", "s"), ("user", "b" * 900 + "end")), (("user", "c" * 1000),))
    items = [replace(ITEMS[0], messages=messages) for messages in chats]
    [(role, text)] = opening(items).messages
    assert (role, len(text), text[-4:]) == ("user", 400, "bend")


@pytest.mark.parametrize(
    ("token_ms", "requests", "tokens"),
    [(9.9, 40, 16), (10.1, 80, 8), (10.1, 60, 10), (10.1, 40, 14), (10.1, 12, 16), (10.1, 0, 16)],
)
def test_slow_answers_for_the_uptime_are_short_but_tell_of_500_gaps(token_ms, requests, tokens):
    assert uptime_tokens(token_ms, requests) == tokens


def test_a_run_without_uptime_has_none():
    assert PairedRun((ProcessPair("1"),)).used.pairs == []


class Spent:
    """The clock of a session whose budget has nothing to spare."""

    total, slack = 60.0, -1.0


def within(bench):
    bench._stage = replace(bench._stage, clock=Spent())
    return bench


def test_what_a_budget_ends_before_it_is_decided_is_told(bench):
    it = within(bench(rules=(replace(TOTAL, at_most=1.0),)))
    assert len(taken(it).processes) == 2
    assert it._stage.cut_short == ["the budget of 60 s ended latency of int4 before it was decided"]


def test_a_budget_ends_nothing_that_is_decided(bench):
    it = within(bench("dear-first", rules=(replace(TOTAL, at_most=9.0),)))
    assert len(taken(it).processes) == 2
    assert it._stage.cut_short == []


def test_how_well_the_machine_is_known_is_nothing_that_a_budget_leaves_open(bench):
    it = within(bench(name="fp32", rules=(replace(TOTAL, at_most=1.01),)))
    assert len(taken(it).processes) == 2
    assert it._stage.cut_short == []


def test_a_drift_that_a_budget_leaves_in_doubt_is_told(bench):
    it = within(bench("tiring-little", rules=(DRIFT,), latency_uptime_pairs=12))
    run = taken(it)
    assert {len(pair.uptime) for pair in run.processes if pair.uptime} == {12}
    assert it._stage.cut_short


def test_disturbed_process_pairs_end_with_the_budget(bench, others):
    others(itertools.repeat(1.0))
    it = within(bench("dear-first"))
    run = taken(it)
    assert len(run.processes) == 2  # the least, not twice that
    assert len(run.used.processes) == 1
    assert "others used" in run.trouble
