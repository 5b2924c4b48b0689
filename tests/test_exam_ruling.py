from dataclasses import replace

import pytest

from harness.errors import ConfigError
from harness.exam_ruling import by_test
from harness.finding import Outcome
from harness.measurement import Measurement
from harness.policy import Claim, Limit, Rule, Severity, Unseen
from harness.release import Precision
from harness.statistic import Statistic

LIMIT = Limit(at_least=-3.0)


def rule(
    statistic=Statistic.SEQUENTIAL_GAIN, severity=Severity.CRITICAL, claim=Claim.POPULATION, **more
):
    return Rule(
        "accuracy.gain",
        "accuracy",
        "accuracy.correct",
        statistic,
        severity,
        at_least=-3.0,
        claim=claim,
        **more,
    )


def scores(*differences, bank=0, labels=()):
    """A measurement of outcomes with these differences, in this order."""
    mine = tuple(1.0 if it >= 0 else 0.0 for it in differences)
    theirs = tuple(value - it for value, it in zip(mine, differences, strict=True))
    return Measurement(
        "accuracy",
        "accuracy.correct",
        "int4",
        "share",
        mine,
        "here",
        theirs,
        labels,
        planned=bank,
    )


SAME, LOST, WON = 0.0, -1.0, 1.0


def test_a_gain_is_shown_as_soon_as_its_bet_is_won():
    found, outcome, why = by_test(rule(), LIMIT, scores(*[SAME] * 150, bank=1240))
    assert (found.value, outcome) == (0.0, Outcome.PASS)
    assert why.startswith("accuracy: 0 points (")
    assert why.endswith(" after 150 of 1,240 items, at least -3 points on questions like these")


def test_few_items_that_are_all_alike_decide_nothing():
    _, outcome, why = by_test(rule(), LIMIT, scores(*[SAME] * 100, bank=1240))
    assert outcome is Outcome.INCONCLUSIVE
    assert "100 of 1,240 items does not decide whether it is at least -3 points" in why


def test_what_is_not_shown_is_open_without_evidence_of_harm():
    few = [SAME, SAME, SAME, LOST] * 3
    run = [SAME] * 20 + [LOST] * 2 + few + [SAME] * 60 + [LOST] * 3
    _, outcome, why = by_test(rule(hint="worse"), LIMIT, scores(*run, bank=1240))
    assert outcome is Outcome.INCONCLUSIVE
    assert "does not decide" in why
    assert "more items would hardly show it" in why
    assert "worse" not in why


def test_evidence_of_harm_is_called_so():
    run = [SAME, LOST, SAME] * 40
    for severity in Severity.CRITICAL, Severity.GUARD:
        _, outcome, why = by_test(rule(severity=severity), LIMIT, scores(*run, bank=1240))
        assert outcome is Outcome.FAIL
        assert "worse on questions like these by more than the 3 points that are allowed" in why


def test_a_bet_that_was_won_does_not_excuse_what_got_worse_after_it():
    run = [SAME] * 160 + [LOST, *[SAME] * 9] * 14
    for claim in Claim:
        _, outcome, why = by_test(rule(claim=claim), LIMIT, scores(*run, bank=300))
        assert outcome is Outcome.FAIL
        assert "by more than the 3 points that are allowed" in why


def test_a_guard_is_not_broken_by_what_is_merely_not_shown():
    run = [SAME] * 20 + [LOST] * 2 + [SAME] * 30 + [LOST] * 2 + [SAME] * 20
    it = scores(*run, bank=1240)
    _, outcome, why = by_test(rule(severity=Severity.GUARD), LIMIT, it)
    assert outcome is Outcome.PASS
    assert "no evidence against at least -3 points" in why


def spread(size, lost, won):
    run = [SAME] * size
    for kind, count in ((LOST, lost), (WON, won)):
        for number in range(count):
            run[int((number + (0.3 if kind == LOST else 0.7)) * size / count)] = kind
    return run


def test_the_banks_end_leaves_the_population_open_and_says_what_the_bank_shows():
    it = scores(*spread(240, 8, 6), bank=240)
    _, outcome, why = by_test(rule(), LIMIT, it)
    assert outcome is Outcome.INCONCLUSIVE
    assert " after 240 items does not decide" in why
    assert "on these items alone it is: about 1,200 items would show it" in why


def test_the_same_answers_decide_about_the_bank_alone():
    it = scores(*spread(240, 8, 6), bank=240)
    _, outcome, why = by_test(rule(claim=Claim.BANK), LIMIT, it)
    assert outcome is Outcome.PASS
    assert why.endswith("at least -3 points on these 240 items")
    worse = scores(*spread(240, 10, 1), bank=240)
    _, outcome, why = by_test(rule(claim=Claim.BANK), LIMIT, worse)
    assert outcome is Outcome.FAIL


def test_a_bank_of_unknown_size_is_not_claimed():
    _, outcome, why = by_test(rule(claim=Claim.BANK), LIMIT, scores(*[SAME] * 300))
    assert outcome is Outcome.INCONCLUSIVE
    assert "not known of how many" in why


def test_what_is_no_score_is_no_evidence():
    it = Measurement("a", "a.b", "int4", "ms", (7.0,) * 300, "here", (7.0,) * 300)
    _, outcome, why = by_test(rule(), LIMIT, it)
    assert outcome is Outcome.INCONCLUSIVE
    assert "scores from 0 to 1" in why


def slice_rule():
    return rule(Statistic.WORST_SLICE, Severity.GUARD)


def sliced(**parts):
    run = [value for values in parts.values() for value in values]
    labels = tuple(name[0] for name, values in parts.items() for _ in values)
    first = sum(len(values) for name, values in parts.items() if len(name) == 1)
    return scores(*run, labels=labels, bank=first)


def scored(**changes):
    """Scores beside a reference's of 0.9, by slice."""
    labels = tuple(name for name, given in changes.items() for _ in given)
    values = tuple(0.9 + change for given in changes.values() for change in given)
    references = (0.9,) * len(values)
    return replace(
        sliced(a=spread(1, 0, 0)),
        values=values,
        reference_values=references,
        labels=labels,
        planned=len(values),
    )


def test_a_slice_that_got_worse_is_named_with_its_counts():
    it = sliced(a=spread(40, 6, 0), b=spread(200, 2, 2), a_again=spread(40, 5, 1))
    found, outcome, why = by_test(slice_rule(), LIMIT, it)
    assert (outcome, found.where) == (Outcome.FAIL, "a")
    assert "accuracy at a: -12.5 points (" in why
    assert "of its 80 items (40 of them asked after the others looked bad) 11 were lost" in why
    assert "and 1 won, of the 200 others 2 were lost" in why


def test_a_slice_whose_every_score_got_a_little_worse_is_named():
    """Summaries of 0.9 that are 0.5 now: none of them was right or wrong."""
    it = scored(summaries=[-0.4] * 40, other=[0.0] * 260)
    found, outcome, why = by_test(slice_rule(), LIMIT, it)
    assert (outcome, found.where) == (Outcome.FAIL, "summaries")
    assert "-40 points" in why


def test_what_every_slice_lost_a_little_hides_no_slice_that_lost_much():
    it = scored(style=[-0.001] * 60, much=[-0.2] * 30, other=[0.0, 0.001] * 100)
    _, outcome, why = by_test(slice_rule(), LIMIT, it)
    assert outcome is Outcome.FAIL
    assert "accuracy at much: -20 points" in why


def test_a_slice_that_lost_less_than_is_allowed_is_none_against():
    it = scored(style=[-0.001] * 60, other=[0.0, 0.001] * 100)
    assert by_test(slice_rule(), LIMIT, it)[1] is Outcome.PASS


def test_a_slice_that_fresh_items_clear_is_no_evidence():
    it = sliced(a=spread(40, 3, 0), b=spread(200, 2, 2), a_again=spread(40, 0, 3))
    _, outcome, why = by_test(slice_rule(), LIMIT, it)
    assert outcome is Outcome.PASS
    assert why.startswith("accuracy at a: 0 points (")
    assert why.endswith("no evidence against at least -3 points")


def test_a_loss_within_the_limit_is_none_however_sure():
    limit = Limit(at_least=-50.0)
    it = sliced(a=spread(40, 16, 0), b=spread(200, 2, 2))
    assert by_test(slice_rule(), LIMIT, it)[1] is Outcome.FAIL
    assert by_test(slice_rule(), limit, it)[1] is Outcome.PASS


@pytest.mark.parametrize("at_least", [0.0, 1.0, -100.0])
def test_a_gain_needs_a_loss_that_is_allowed(at_least):
    with pytest.raises(ConfigError, match="needs at_least under 0 and over -100"):
        Rule("r", "s", "a.b", Statistic.SEQUENTIAL_GAIN, at_least=at_least)
    precise = {Precision.INT8: Limit(at_least=at_least)}
    with pytest.raises(ConfigError, match="needs at_least under 0"):
        Rule("r", "s", "a.b", Statistic.SEQUENTIAL_GAIN, at_least=-3.0, precision=precise)


def test_a_gain_has_no_upper_limit_and_a_screen_is_no_critical_rule():
    with pytest.raises(ConfigError, match="needs at_least"):
        Rule("r", "s", "a.b", Statistic.SEQUENTIAL_GAIN, at_most=3.0)
    with pytest.raises(ConfigError, match="shows harm only"):
        Rule("r", "s", "a.b", Statistic.WORST_SLICE, at_least=-3.0)


def faulty(new, gone, size, labels="format", **more):
    """A rule on faults, and a measurement with so many."""
    mine = [1.0] * new + [0.0] * (size - new)
    theirs = [0.0] * new + [1.0] * gone + [0.0] * (size - new - gone)
    it = replace(
        scores(*[SAME] * size),
        values=tuple(mine),
        reference_values=tuple(theirs),
        labels=(labels,) * size,
    )
    found = Rule(
        "accuracy.invalid",
        "wrong formats",
        "accuracy.correct",
        Statistic.NEW_FAULTS,
        Severity.GUARD,
        at_most=0.5,
        **more,
    )
    return by_test(found, Limit(at_most=0.5), it)


def test_new_faults_are_harm_where_they_are_more_than_is_allowed():
    found, outcome, why = faulty(8, 0, 200, hint="it breaks")
    assert (outcome, found.value) == (Outcome.FAIL, 4.0)
    assert "but must be at most 0.5 points; it breaks; 8 of 200 have one" in why


def test_faults_that_are_exchanged_are_no_harm():
    assert faulty(8, 7, 200)[1] is Outcome.PASS
    assert faulty(1, 0, 200)[1] is Outcome.PASS


def test_where_no_item_can_have_a_fault_there_is_none():
    _, outcome, why = faulty(0, 0, 50, labels="", seen_loss=4.0)
    assert (outcome, why) == (Outcome.PASS, "wrong formats: no item can show any")


@pytest.mark.parametrize("unseen", Unseen)
def test_too_few_items_say_what_they_can_show_and_decide_as_the_rule_has_it(unseen):
    _, outcome, why = faulty(0, 0, 50, seen_loss=4.0, unseen=unseen)
    assert outcome is (Outcome.PASS if unseen is Unseen.REMARK else Outcome.INCONCLUSIVE)
    assert "of 50 items only a loss of 15 points is seen, not one of 4" in why
    assert faulty(0, 0, 250, seen_loss=4.0, unseen=unseen)[1] is Outcome.PASS


@pytest.mark.parametrize(
    ("new", "gone", "size", "outcome"),
    [
        (3, 0, 20, Outcome.INCONCLUSIVE),
        (2, 0, 20, Outcome.INCONCLUSIVE),
        (2, 1, 20, Outcome.PASS),
        (1, 0, 20, Outcome.PASS),
        (4, 0, 20, Outcome.FAIL),
        (3, 0, 250, Outcome.PASS),
    ],
)
def test_faults_of_items_too_few_to_prove_them_are_not_passed_over(new, gone, size, outcome):
    _, ruled, why = faulty(new, gone, size, seen_loss=4.0)
    assert ruled is outcome
    assert ("of 20 items only a loss of " in why) is (size == 20 and outcome is not Outcome.FAIL)


def test_a_slice_that_is_too_small_for_the_loss_is_told():
    it = sliced(a=spread(20, 0, 0), b=spread(200, 0, 0))
    known = replace(slice_rule(), seen_loss=10.0, unseen=Unseen.INCONCLUSIVE)
    _, outcome, why = by_test(known, LIMIT, it)
    assert outcome is Outcome.INCONCLUSIVE
    assert "of 20 items of a only a loss of " in why


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seen_loss": 0.4}, "seen_loss must be more than the 0.5 points"),
        ({"seen_loss": 4.0, "power": 1.0}, "power must be 0.5 to under 1"),
        ({"severity": Severity.CRITICAL}, "shows harm only"),
        ({"statistic": Statistic.MEAN, "seen_loss": 4.0}, "seen_loss is for worst_slice"),
    ],
)
def test_a_rule_that_cannot_be_sized_is_refused(changes, message):
    given = {"statistic": Statistic.NEW_FAULTS, "severity": Severity.GUARD, "at_most": 0.5}
    with pytest.raises(ConfigError, match=message):
        Rule("r", "s", "a.b", **{**given, **changes})


def beyond(right, wrong, chance, limit=0.0, **more):
    """What is said of so many right and wrong answers to items of one chance."""
    judged = Rule(
        "accuracy.beyond_chance",
        "right beyond chance",
        "accuracy.by_chance",
        Statistic.BEYOND_CHANCE,
        at_least=limit,
        hint="it guesses",
        **more,
    )
    values = (1.0,) * right + (0.0,) * wrong
    labels = (repr(chance),) * len(values)
    it = Measurement(
        "accuracy", "accuracy.by_chance", "int4", "share", values, "here", (), labels, planned=800
    )
    return by_test(judged, Limit(at_least=limit), it)


def test_who_answers_more_than_a_guess_is_shown_to():
    found, outcome, why = beyond(132, 168, 0.25)
    assert (found.value, outcome) == (pytest.approx(19.0), Outcome.PASS)
    assert why.startswith("right beyond chance: 19 points (")
    assert why.endswith(
        " after 300 of 800 items, of which a guess is right for 25 %; over 0 points"
    )


def test_who_guesses_is_left_open_and_how_many_items_would_tell_is_said():
    _, outcome, why = beyond(75, 225, 0.25)
    assert outcome is Outcome.INCONCLUSIVE
    assert why.endswith(
        "does not decide whether it is over 0 points: more items would hardly show it"
    )
    _, outcome, why = beyond(85, 215, 0.25)
    assert outcome is Outcome.INCONCLUSIVE
    assert why.endswith(": about 2,100 items would show it")


def test_who_is_worse_than_a_guess_is_refused():
    _, outcome, why = beyond(40, 260, 0.25)
    assert outcome is Outcome.FAIL
    assert why.endswith("; it must be over 0 points; it guesses")
    guard = {"severity": Severity.GUARD}
    assert beyond(40, 260, 0.25, **guard)[1] is Outcome.FAIL
    assert beyond(75, 225, 0.25, **guard)[1] is Outcome.PASS


def test_where_nothing_is_right_by_chance_something_must_be_right():
    assert beyond(0, 300, 0.0)[1] is Outcome.INCONCLUSIVE
    assert beyond(1, 299, 0.0)[1] is Outcome.PASS


def test_how_much_beyond_chance_is_asked_for_is_the_limit():
    assert beyond(132, 168, 0.25, limit=5.0)[1] is Outcome.PASS
    assert beyond(132, 168, 0.25, limit=15.0)[1] is Outcome.INCONCLUSIVE
    assert beyond(132, 168, 0.25, limit=30.0)[1] is Outcome.FAIL
    with pytest.raises(ConfigError, match=r"needs at_least from 0 to under 100, .* found -3"):
        beyond(1, 1, 0.25, limit=-3.0)
