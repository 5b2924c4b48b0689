from dataclasses import replace

import pytest

from harness.data_check import Kind
from harness.data_need import BY_CHANCE, BY_SLICE, CORRECT, needs_of, too_few, unmet
from harness.item import Item, Scorer
from harness.policy import Policy, Rule, Severity, Unseen
from harness.statistic import Statistic

GAIN = Rule("accuracy.gain", "accuracy", CORRECT, Statistic.SEQUENTIAL_GAIN, at_least=-3.0)
SLICE = Rule(
    "accuracy.slice",
    "slice",
    BY_SLICE,
    Statistic.WORST_SLICE,
    severity=Severity.GUARD,
    at_least=-10.0,
)


def bank(**sizes):
    return [
        Item(f"{name}-{n}", (("user", f"{name} {n}"),), "x", slice=name)
        for name, size in sizes.items()
        for n in range(size)
    ]


def policy(*rules):
    return Policy("p", ("accuracy.accuracy",), rules)


def test_a_bank_must_be_able_to_show_what_the_rule_asks():
    # The bet is won after 146 items without a change; no test of 5 % could do with under 99.
    assert too_few(bank(a=146), policy(GAIN)) == []
    [problem] = too_few(bank(a=40, b=105), policy(GAIN))
    assert (problem.kind, problem.ids) == (Kind.TOO_FEW, ("all",))
    assert "145 different chats are too few for accuracy.gain" in problem.reason
    assert "146 would do" in problem.reason


def test_the_least_that_a_rule_asks_for_counts_too():
    rule = replace(SLICE, minimum_samples=200)
    [problem] = too_few(bank(a=150), policy(rule))
    assert (problem.ids, "200 would do" in problem.reason) == (("all",), True)


def test_a_chat_that_is_asked_twice_is_one():
    twice = [replace(it, id=f"{it.id}-again") for it in bank(a=60)]
    assert too_few(bank(a=60) + twice, policy(GAIN))


def test_a_slice_must_be_able_to_show_that_a_fifth_is_lost():
    assert too_few(bank(a=100, b=100), policy(SLICE)) == []
    [problem] = too_few(bank(a=100, b=12), policy(SLICE))
    assert problem.ids == ("b",)
    assert problem.reason.startswith("of its 12 different chats only a loss of 4 is seen by ")


@pytest.mark.parametrize("size", [1, 2])
def test_a_slice_may_show_nothing_at_all(size):
    problem = too_few(bank(a=100, b=size), policy(SLICE))[-1]
    assert problem.ids == ("b",)
    assert "no loss is seen" in problem.reason


def test_what_is_only_shown_needs_nothing():
    shown = replace(GAIN, severity=Severity.INFO)
    assert too_few(bank(a=1), policy(shown)) == []


def test_a_floor_needs_items_where_the_release_states_one():
    share = Rule("accuracy.share", "right", CORRECT, Statistic.SCORE, floor=True)
    assert too_few(bank(a=1), policy(share)) == []
    [problem] = too_few(bank(a=20), policy(share), floor=0.9)
    assert problem.reason == (
        "20 different chats are too few for accuracy.share, were all answers right; 62 would do"
    )
    assert too_few(bank(a=62), policy(share), floor=0.9) == []


BEYOND = Rule("accuracy.beyond_chance", "skill", BY_CHANCE, Statistic.BEYOND_CHANCE, at_least=0.0)


def test_choices_must_be_so_many_that_who_has_all_right_is_known_not_to_guess():
    assert too_few(bank(a=1), policy(BEYOND)) == []
    offered = {"scorer": Scorer.CHOICE, "choices": ("x", "y")}
    guessed = [replace(it, **offered) for it in bank(a=6, b=2)]
    [problem] = too_few(guessed[:5], policy(BEYOND))
    assert (problem.ids, problem.reason) == (
        ("all",),
        "5 different chats are too few for accuracy.beyond_chance, were all answers right; "
        "7 would do",
    )
    assert too_few(guessed, policy(BEYOND)) == []


SIZED = replace(SLICE, at_least=-5.0, seen_loss=10.0)
CUTS = Rule(
    "accuracy.cut",
    "cut",
    "accuracy.cut",
    Statistic.NEW_FAULTS,
    severity=Severity.GUARD,
    at_most=0.5,
    seen_loss=2.0,
)
INVALID = replace(CUTS, id="accuracy.invalid", metric="accuracy.invalid", seen_loss=4.0)


def test_a_rule_that_names_the_loss_it_must_see_says_how_many_items_that_takes():
    needs = needs_of([SIZED, CUTS, INVALID], None, bank(a=100, b=100))
    sizes = {(it.rule, it.of_what): it.items for it in needs}
    assert sizes["accuracy.cut", "all"] == 590
    assert sizes["accuracy.invalid", "format"] == 192
    assert 65 < sizes["accuracy.slice", "a"] < 130


def test_too_few_are_a_problem_or_a_note_as_the_rule_says():
    strict = replace(CUTS, unseen=Unseen.INCONCLUSIVE)
    [problem] = too_few(bank(a=500), policy(strict))
    assert (problem.ids, "590 would do" in problem.reason) == (("all",), True)
    assert too_few(bank(a=500), policy(CUTS)) == []
    assert len(unmet(bank(a=500), policy(CUTS), Unseen.REMARK)) == 1
    assert too_few(bank(a=590), policy(strict)) == []


def test_a_bank_without_a_format_needs_no_items_of_one():
    strict = replace(INVALID, unseen=Unseen.INCONCLUSIVE)
    assert too_few(bank(a=500), policy(strict)) == []
    some = [replace(it, scorer=Scorer.JSON, expected="1") for it in bank(a=5)]
    [problem] = too_few([*some, *bank(b=500)], policy(strict))
    assert problem.reason.startswith("5 different chats are too few")
