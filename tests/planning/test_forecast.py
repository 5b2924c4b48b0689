from dataclasses import replace

import pytest

from harness.answer import Request
from harness.contracts import Prompt, _requests
from harness.durations import duration
from harness.planning import quality
from harness.planning.checks import CHECKS
from harness.planning.forecast import forecast
from harness.planning.pilot import Pilot
from harness.planning.shape import OddPrompt, Question, Shape
from harness.planning.survey import attention_share
from harness.planning.table import announcement, forecast_table
from harness.planning.work import Rates
from harness.policy import Plan
from harness.release import Role

RATES = Rates(0.3, 0.05, 1e-3, 1e-4, 1e-8, 5e-4, 1e-6, 1e-4)
PILOTS = {
    "fp32": Pilot(RATES, 10**8, 1000),
    "int4": Pilot(RATES.slower(0.5), 5 * 10**7, 1000),
}
ROLES = {"fp32": Role.REFERENCE, "int4": Role.CANDIDATE}
QUESTIONS = tuple(Question(25.0, 6.0, 16) for _ in range(400))
SHAPE = Shape(
    Plan(), "fp32", ROLES, QUESTIONS, rungs=(32, 64, 128, 256, 512), context=520, vocabulary=4000
)
EVERY = [(check, name) for check in CHECKS for name in ROLES]


def test_every_check_of_every_variant_has_a_time():
    found = forecast(SHAPE, PILOTS, EVERY)
    assert set(found.seconds) == set(EVERY)
    assert found.total == pytest.approx(sum(found.suites.values()))
    assert all(seconds > 0 for seconds in found.seconds.values())


def test_what_only_the_reference_is_asked_costs_the_others_nothing():
    found = forecast(SHAPE, PILOTS, EVERY).seconds
    assert found["scaling.source", "fp32"] > 10 * found["scaling.source", "int4"]
    assert found["precision.source", "fp32"] > 10 * found["precision.source", "int4"]


def test_a_check_that_asks_no_model_is_cheap():
    found = forecast(SHAPE, PILOTS, [("packaging.size", "int4")])
    assert found.total < 1


def test_kept_replies_of_the_reference_are_not_asked_again():
    def seconds(known):
        shape = replace(SHAPE, known=known)
        return CHECKS["accuracy.accuracy"](shape, "fp32").takes({"fp32": RATES})

    assert seconds(400) == 0
    assert seconds(100) == pytest.approx(seconds(0) / 2, rel=0.01)  # of 200 that are asked


def test_a_ladder_that_ends_sooner_takes_less():
    shorter = SHAPE.under(Plan(scaling_longest_tokens=100))
    assert shorter.rungs == (32, 64, 100)
    less = forecast(shorter, PILOTS, EVERY).suites["scaling"]
    assert less < forecast(SHAPE, PILOTS, EVERY).suites["scaling"]


def test_the_baseline_is_a_rival_of_candidates_alone():
    shape = replace(SHAPE, roles={**ROLES, "old": Role.BASELINE})
    assert shape.rivals("int4") == ("fp32", "old")
    assert shape.rivals("old") == ("fp32",)
    assert shape.rivals("fp32") == ("fp32",)


def test_a_process_that_takes_much_memory_is_asked_alone():
    roomy = replace(SHAPE, roles={**ROLES, "int8": Role.CANDIDATE}, at_once=4)
    assert roomy.together("int4") == 2
    assert replace(roomy, fitting=1).together("int4") == 1
    narrow, wide = (CHECKS["edge_cases.exploration"](it, "int4") for it in (roomy, SHAPE))
    assert narrow.takes({"int4": RATES}) == pytest.approx(wide.takes({"int4": RATES}) / 2)


def test_an_expected_answer_is_read_where_an_item_shows_one():
    check = "precision.precision"
    shows, hides = (
        replace(SHAPE, questions=tuple(replace(it, shows=shows) for it in QUESTIONS))
        for shows in (True, False)
    )
    once, twice = (CHECKS[check](it, "fp32").work["fp32"].requests for it in (hides, shows))
    assert twice - once == SHAPE.plan.precision_items


def test_the_reference_answers_what_a_user_would_read_and_nothing_twice():
    odd = (OddPrompt(50.0), OddPrompt(900.0, is_natural=False, is_repeated=False))
    judged = {Role.REFERENCE: frozenset(), Role.CANDIDATE: frozenset({"edge_cases.broken"})}
    shape = replace(SHAPE, odd=odd, judged=judged)
    cost = CHECKS["edge_cases.edge_cases"]
    none = replace(shape, odd=())
    theirs, mine = (
        cost(shape, it).work[it].prompt_tokens - cost(none, it).work[it].prompt_tokens
        for it in ("fp32", "int4")
    )
    assert theirs == 50
    assert mine == 2 * 50 + 900 + 2 * 25  # a question after each


def test_the_baseline_is_not_used_for_long():
    shape = replace(SHAPE, roles={**ROLES, "old": Role.BASELINE})
    work = CHECKS["latency.latency"](shape, "int4").work
    assert work["fp32"].requests - work["old"].requests == 3 * SHAPE.plan.latency_uptime_pairs


def test_slow_answers_are_foreseen_as_short_as_they_are_asked_for_the_uptime():
    quick, slow = (
        CHECKS["latency.latency"](replace(SHAPE, token_seconds=it), "int4").work["int4"].new_tokens
        for it in (0.001, 0.05)
    )
    assert quick - slow == 8 * 3 * SHAPE.plan.latency_uptime_pairs


def test_what_all_read_in_one_go_is_booked_on_the_first():
    found = forecast(SHAPE, PILOTS, EVERY).seconds
    assert found["precision.precision", "fp32"] > 50 * found["precision.precision", "int4"]


def test_the_reference_reads_along_where_its_own_check_is_not_to_run():
    check = "precision.precision"
    alone = CHECKS[check](SHAPE, "int4").takes({"int4": PILOTS["int4"].rates})
    assert forecast(SHAPE, PILOTS, [(check, "int4")]).seconds[check, "int4"] > 1.3 * alone


def test_a_bank_of_choices_alone_foresees_answers_that_are_cut():
    chosen = replace(SHAPE, questions=(Question(25.0, 0.0, 8, 4, 12.0),) * 400)
    written = CHECKS["memory.memory"](SHAPE, "int4").work["int4"].new_tokens
    assert CHECKS["memory.memory"](chosen, "int4").work["int4"].new_tokens > written


def test_a_choice_is_scored_and_not_written():
    written = quality.replied([Question(20, 5, 8)])
    chosen = quality.replied([Question(20, 0, 8, choices=4, offered=12)])
    assert (written.new_tokens, chosen.new_tokens) == (5, 0)
    assert chosen.prompt_tokens == 32


def test_every_option_of_the_contracts_is_counted():
    prompt = Prompt("one", Request(text="one"), (1,), (1, 2))
    assert len(_requests(prompt, 2.0)) == quality._OPTIONS


def test_the_table_has_a_row_for_each_suite_and_one_for_all():
    found = forecast(SHAPE, PILOTS, EVERY)
    text = forecast_table(found)
    for suite in found.suites:
        assert f"\n{suite}" in text
    assert text.splitlines()[-1].startswith("all")
    asked = sum(CHECKS[check](SHAPE, name).requests for check, name in EVERY)
    assert text.splitlines()[-1].split()[-2:] == [f"{asked:,.0f}", str(len(EVERY))]
    assert duration(found.total) in announcement(found)


def test_what_no_rule_judges_of_the_reference_costs_nothing():
    judged = {Role.REFERENCE: frozenset(), Role.CANDIDATE: frozenset({"edge_cases.token_ids"})}
    found = forecast(replace(SHAPE, judged=judged), PILOTS, EVERY).seconds
    assert found["edge_cases.vocabulary", "int4"] > 10 * found["edge_cases.vocabulary", "fp32"]
    assert found["memory.reload", "int4"] == found["memory.reload", "fp32"]


def test_what_attention_takes_follows_from_the_shape_of_the_model():
    decoder = {
        "num_hidden_layers": 30,
        "hidden_size": 576,
        "num_attention_heads": 9,
        "head_size": 64,
    }
    share = attention_share({"decoder": decoder, "vocab_size": 49_152})
    assert share == pytest.approx(2 * 30 * 576 / 147.7e6, rel=0.01)
    assert attention_share({}) == 0.0
