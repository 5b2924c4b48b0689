"""The accuracy suite on runtimes without a model: when it stops, and what it hands in."""

from dataclasses import replace

import pytest

from harness.answer import Answer, Finish, Request
from harness.bank import shuffled
from harness.bench import Bench
from harness.domain import read_items
from harness.evidence import Evidence, Subject
from harness.finding import Outcome
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.policy import Plan, Rule, Severity
from harness.release import Data, Precision, Role
from harness.reply_cache import ReplyCache
from harness.runtimes.scripted import Scripted
from harness.stage import Stage
from harness.statistic import Statistic
from harness.store import read_policy
from harness.variant import Recipe, Variant
from harness.verdict import judge_measurements
from suites import test_accuracy as suite
from tests.conftest import ROOT
from tests.suites import knowing

PLAN = Plan(accuracy_least_items=60)
GAIN = Rule("accuracy.gain", "gain", "accuracy.correct", Statistic.SEQUENTIAL_GAIN, at_least=-5.0)
SLICE = Rule(
    "accuracy.slice",
    "slice",
    "accuracy.by_slice",
    Statistic.WORST_SLICE,
    Severity.GUARD,
    at_least=-5.0,
)
ITEMS = tuple(
    Item(f"i{n}", (("user", f"slice {'ab'[n % 2]} question {n}"),), "right", slice="ab"[n % 2])
    for n in range(400)
)


class Right(Scripted):
    """Always right."""

    def answer(self, request: Request) -> Answer:
        return replace(super().answer(request), text="right")


class WrongInA(Scripted):
    """Wrong to every second question of one slice, where it is not the reference."""

    def load(self, directory):
        super().load(directory)
        self.is_wrong = directory.name == "int4"

    def answer(self, request: Request) -> Answer:
        words = request.messages[-1][1].split() if request.messages else []
        wrong = self.is_wrong and words[1] == "a" and int(words[-1]) % 4 == 0
        return replace(super().answer(request), text="wrong" if wrong else "right")


@pytest.fixture
def measure(tmp_path):
    """Run the suite for a variant; the measurements handed in, by metric, and the stage."""
    variants = {}
    for name, role in (("fp32", Role.REFERENCE), ("int4", Role.CANDIDATE)):
        (tmp_path / name).mkdir()
        recipe = Recipe(name, role, Precision.FP32)
        variants[name] = Variant(recipe, tmp_path / name, {}, "sha256:0")

    def measure(runtime, name="int4", items=ITEMS, rules=(GAIN, SLICE), **more):
        taken = []
        with Fleet(variants, f"{__name__}:{runtime}", 60.0) as fleet:
            stage = Stage(fleet, "fp32", items, PLAN, "here", rules=rules, **more)
            suite.test_accuracy(Bench(stage, name, "accuracy"), lambda *it: taken.extend(it))
        return {it.metric: it for it in taken}, stage

    return measure


def test_what_is_equal_is_asked_until_that_is_shown(measure):
    found, stage = measure("Right")
    correct = found["accuracy.correct"]
    assert (len(correct.values), correct.planned) == (100, 400)  # 81 are enough, 60 + 2 x 20
    assert set(correct.values) == set(correct.reference_values) == {1.0}
    assert correct.labels == tuple(item.slice for item in ITEMS[:100])
    assert "asked 100 of 400 items" in stage.remarks[0]
    assert stage.flips == []


def test_without_a_rule_to_decide_as_few_are_asked_as_may_be(measure):
    found, _ = measure("Right", rules=())
    assert len(found["accuracy.correct"].values) == 60
    found, _ = measure("Right", rules=(replace(SLICE, minimum_samples=80),))
    assert len(found["accuracy.correct"].values) == 80


def test_a_slice_that_got_worse_is_asked_more_of_its_items(measure):
    found, stage = measure("WrongInA")
    first, sliced = found["accuracy.correct"], found["accuracy.by_slice"]
    assert sliced.planned == len(first.values)
    assert set(sliced.labels[sliced.planned :]) == {"a"}
    assert len(sliced.values) == sliced.planned + first.labels.count("a")
    assert all(it.is_loss and it.slice == "a" for it in stage.flips)
    assert len(stage.flips) == sliced.values.count(0.0)


def test_the_reference_is_measured_beside_itself_and_flips_nothing(measure):
    found, stage = measure("WrongInA", name="fp32")
    assert len(found["accuracy.correct"].values) == 60
    assert (stage.flips, stage.remarks) == ([], [])


def test_an_answer_in_the_wrong_format_is_counted_where_one_is_asked_for(measure):
    items = [replace(it, scorer=Scorer.JSON, expected="1") for it in ITEMS[:70]]
    found, _ = measure("Right", items=(*items, *ITEMS[70:]), rules=())
    assert set(found["accuracy.valid"].values) == {0.0}
    found, _ = measure("Right", rules=())
    assert set(found["accuracy.valid"].values) == {1.0}


def test_the_lengths_of_answers_are_those_of_what_is_generated(measure):
    choices = [replace(it, scorer=Scorer.CHOICE, choices=("right", "x")) for it in ITEMS[:20]]
    found, _ = measure("Right", items=(*choices, *ITEMS[20:]), rules=())
    tokens = found["accuracy.tokens"]
    assert tokens.labels == tuple(it.id for it in ITEMS[20:60])
    assert tokens.values == tokens.reference_values
    assert set(tokens.values) == {8.0}  # of few tokens nobody waits for the last
    found, _ = measure("Right", items=choices, rules=())
    assert set(found["accuracy.tokens"].values) == {8.0}  # nothing is said, at no one's cost


class Endless(Right):
    """Now and then without an end, where it is not the reference."""

    def load(self, directory):
        super().load(directory)
        self.is_endless = directory.name == "int4"

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        words = request.messages[-1][1].split() if request.messages else ["1"]
        if not self.is_endless or not words[-1].isdigit() or int(words[-1]) % 10:
            return found
        return replace(found, token_ids=(1,) * 64, finish=Finish.LENGTH)


def test_the_length_of_an_answer_without_an_end_is_none(measure):
    found, _ = measure("Endless", rules=())
    tokens = found["accuracy.tokens"]
    assert len(tokens.values) == 54
    assert set(tokens.values) == {8.0}


BEYOND = Rule(
    "accuracy.beyond_chance",
    "beyond chance",
    "accuracy.by_chance",
    Statistic.BEYOND_CHANCE,
    at_least=84.0,
)


def test_scores_go_with_the_chance_of_each_item_until_it_is_seen_that_none_guesses(measure):
    items = [replace(it, chance=0.2) if n % 2 else it for n, it in enumerate(ITEMS)]
    found, _ = measure("Right", items=items, rules=())
    by_chance = found["accuracy.by_chance"]
    assert by_chance.labels == ("0.0", "0.2") * 30
    assert (set(by_chance.values), by_chance.reference_values) == ({1.0}, ())
    found, _ = measure("Right", items=items, rules=(BEYOND,))
    assert len(found["accuracy.by_chance"].values) == 100


SHARE = Rule("accuracy.share", "accuracy", "accuracy.correct", Statistic.SCORE, floor=True)


def test_items_are_asked_until_the_floor_that_the_release_states_is_shown(measure):
    found, _ = measure("Right", rules=(SHARE,))
    assert len(found["accuracy.correct"].values) == 60
    found, _ = measure("Right", rules=(SHARE,), floor=0.95)
    assert len(found["accuracy.correct"].values) == 160


def test_only_the_reference_is_remembered(measure, tmp_path):
    made_of = {"variant": "sha256:0"}
    first, _ = measure("Right", reply_cache=ReplyCache(tmp_path / "replies", made_of))
    cache = ReplyCache(tmp_path / "replies", made_of)
    again, _ = measure("WrongInA", reply_cache=cache)
    assert set(again["accuracy.correct"].reference_values) == {1.0}
    assert 0.0 in again["accuracy.correct"].values
    assert 0.0 not in first["accuracy.correct"].values


@pytest.fixture
def broken(tmp_path):
    """Rules of the gate that a runtime that knows the bank breaks, each with its reason."""
    policy = read_policy(ROOT / "fixtures" / "policies" / "gate.toml")
    items = shuffled(read_items(Data(knowing.BANK)), 0)
    variants = {}
    for name, role in (("fp32", Role.REFERENCE), ("int4", Role.CANDIDATE)):
        (tmp_path / name).mkdir()
        recipe = Recipe(name, role, Precision(name))
        variants[name] = Variant(recipe, tmp_path / name, {}, "sha256:0")
    subjects = {name: Subject(it.recipe.role, it.recipe.precision) for name, it in variants.items()}

    def broken(runtime):
        taken = []
        with Fleet(variants, f"tests.suites.knowing:{runtime}", 60.0) as fleet:
            stage = Stage(fleet, "fp32", items, policy.plan, "here", rules=policy.rules)
            suite.test_accuracy(Bench(stage, "int4", "accuracy"), lambda *it: taken.extend(it))
        found = judge_measurements(tuple(taken), "int4", Evidence("", subjects, "here"), policy)
        return {it.rule: it.reason for it in found if it.outcome is Outcome.FAIL}

    return broken


def test_who_knows_it_all_breaks_no_rule_on_small_losses(broken):
    assert broken("Knowing") == {}


@pytest.mark.parametrize(
    ("runtime", "rule", "reason"),
    [
        ("WrongInHours", "accuracy.slice", "at hours"),
        ("WrongerInRefusals", "accuracy.slice", "at refusal"),
        ("TrailingComma", "accuracy.invalid", "fails on them now and then"),
        ("MoreCommas", "accuracy.invalid", "fails on them now and then"),
        ("Cut", "accuracy.cut", "now and then an answer is cut"),
        ("CutOften", "accuracy.cut", "now and then an answer is cut"),
        ("Rambling", "accuracy.tokens", "its users wait for them"),
    ],
)
def test_a_small_loss_is_found_and_named(broken, runtime, rule, reason):
    found = broken(runtime)
    assert reason in found[rule]
