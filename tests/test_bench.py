from dataclasses import replace

import numpy as np
import pytest

from harness.answer import Answer, Finish, Request
from harness.bench import Bench, Stage, question, require_answers, shuffled
from harness.errors import RequestError
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Plan
from harness.release import Precision, Role
from harness.variant import Recipe, Variant

ITEMS = tuple(
    Item(f"item-{n}", (("user", f"question {n}"),), "x", slice="ab"[n % 2]) for n in range(12)
)


@pytest.fixture
def bench(tmp_path):
    variants = {
        name: Variant(Recipe(name, role, Precision.FP32), tmp_path, {}, "sha256:0")
        for name, role in (("fp32", Role.REFERENCE), ("int4", Role.CANDIDATE))
    }
    with Fleet(variants, "harness.runtimes.scripted:Scripted", 60.0) as fleet:
        plan = Plan(memory_cycles=3, precision_items=5)
        yield Bench(Stage(fleet, "fp32", ITEMS, plan, "here"), "int4", "latency")


def test_pairs_hold_the_variants_answer_first_whoever_was_asked_first(bench):
    requests = [question(item) for item in ITEMS]
    pairs = bench.pairs(requests)
    assert [mine.text for mine, _ in pairs] == [it.text for it in bench.ask(requests)]
    order = [mine.started_ns < theirs.started_ns for mine, theirs in pairs]
    assert 0 < sum(order) < len(order)


def test_the_bank_is_answered_once_a_session(bench):
    assert bench.bank_answers() is bench.bank_answers()
    assert [it.text for it in bench.bank_answers()] == [
        it.text for it in bench.reference_bank_answers()
    ]


def test_teacher_forcing_scores_the_references_own_answer(bench):
    scored = list(bench.teacher_forced())
    assert len(scored) == 5
    for (item, mine, theirs), answer in zip(scored, bench.reference_bank_answers(), strict=False):
        assert item in ITEMS
        assert len(mine) == len(theirs) == len(answer.token_ids)
        assert np.array_equal(mine, theirs)


def test_memory_is_sampled_after_each_cycle(bench):
    levels, peak = bench.memory_cycles([question(ITEMS[0])])
    assert len(levels) == 3
    assert peak >= max(levels)
    assert bench.reference_peak([question(ITEMS[0])]) > 0


def test_a_long_prompt_has_exactly_the_length_asked_for(bench):
    assert [len(bench.long_prompt(length)) for length in (1, 7, 500)] == [1, 7, 500]


def test_a_measurement_is_of_this_suite_variant_and_place(bench):
    it = bench.sample("ttft", "ms", [1], [2])
    assert (it.metric, it.variant, it.environment) == ("latency.ttft", "int4", "here")
    assert (it.values, it.reference_values) == ((1.0,), (2.0,))


def test_the_order_of_items_is_random_but_its_seeds_alone():
    first, again, other = shuffled(ITEMS, 1), shuffled(ITEMS[::-1], 1), shuffled(ITEMS, 2)
    assert first == again
    assert first != other
    assert sorted(it.id for it in first) == sorted(it.id for it in ITEMS)


def test_a_chat_that_is_asked_twice_counts_once():
    twins = tuple(replace(item, id=f"{item.id}-again") for item in ITEMS)
    assert shuffled(ITEMS + twins, 1) == shuffled(ITEMS, 1)


def test_an_error_among_answers_is_evidence_against_who_gave_it():
    with pytest.raises(RequestError, match="int4 refused a request: too long") as raised:
        require_answers("int4", [Answer(), Answer(finish=Finish.ERROR, error="too long")])
    assert raised.value.variant == "int4"


def test_a_question_is_the_items_chat():
    assert question(ITEMS[0]) == Request(messages=ITEMS[0].messages, max_new_tokens=64, fresh=False)
