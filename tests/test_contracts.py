import json
from pathlib import Path

import numpy as np
import pytest

from harness.answer import Answer, Finish, Request
from harness.chances import Chances
from harness.contracts import Contract, Prompt, hold, uncertain_prompts
from harness.metrics.sampling import needed
from harness.repeats import ask_again, changed, repeats
from harness.runtimes.factory import make_runtime
from tests.letting_go import LettingGo

ENGINE = "harness.runtimes.ort_genai:OrtGenAI"
LINES = (Path(__file__).parents[1] / "fixtures" / "travel" / "eval.jsonl").read_text().splitlines()
ITEMS = [json.loads(line) for line in LINES[::60]]
CHATS = [tuple((it["role"], it["content"]) for it in item["messages"]) for item in ITEMS]
END = (2,)
COUNT = needed(0.0075)


class Speaker:
    """A runtime of the embedded int4 in this process."""

    def __init__(self, factory, directory):
        self.runtime = make_runtime(factory)
        self.runtime.load(directory)

    def ask(self, plan):
        return [self.answer(request) for request in plan]

    def answer(self, request):
        try:
            return self.runtime.answer(request)
        except ValueError as error:
            return Answer(finish=Finish.ERROR, error=str(error))


@pytest.fixture
def held(embedded):
    def held(factory, seed=1):
        speaker = Speaker(factory, embedded["int4"])
        ids = speaker.runtime.encode([speaker.runtime.render(it) for it in CHATS[:12]])
        named = [(f"item {at}", tuple(it)) for at, it in enumerate(ids)]
        prompts = uncertain_prompts(speaker.ask, named, np.random.default_rng(seed), 8)
        return hold(speaker.ask, Chances(speaker.ask, END), prompts)

    return held


def test_an_answer_may_have_ended_with_any_of_the_end_tokens():
    logits = np.full((2, 9), -20.0, np.float32)
    logits[0, 5] = logits[1, 2] = 0.0  # it says 5 and ends its turn
    logits[1, 7] = -12.0
    answer = Answer(token_ids=(5,), finish=Finish.STOP)
    chances = Chances(lambda plan: [Answer(logits=logits.copy()) for _ in plan], (7, 2))
    [log] = chances.log_chances([(1,)], [answer], 1.0)
    assert log == pytest.approx(0, abs=1e-4)
    [cut] = chances.log_chances([(1,)], [Answer(token_ids=(5, 7), finish=Finish.LENGTH)], 1.0)
    assert cut == pytest.approx(0, abs=1e-4)
    [other] = chances.log_chances([(1,)], [Answer(token_ids=(5, 4), finish=Finish.LENGTH)], 1.0)
    assert other < -15


def chances_of(row, penalty):
    """Chances of a model that expects the same everywhere."""

    def score(plan):
        rows = [len(it.token_ids) - it.score_from for it in plan]
        return [Answer(logits=np.array([row] * count, np.float32)) for count in rows]

    return Chances(score, (7, 2), penalty)


def test_a_text_is_as_likely_as_a_repetition_penalty_makes_it():
    row = np.zeros(9)
    row[[3, 5]] = 20.0, 30.0
    answer = Answer(token_ids=(5, 3), finish=Finish.LENGTH)
    [log] = chances_of(row, 2.0).log_chances([(1,)], [answer], 1.0)
    assert log == pytest.approx(-0.01, abs=0.01)
    [raw] = chances_of(row, 1.0).log_chances([(1,)], [answer], 1.0)
    assert raw == pytest.approx(-10, abs=0.01)


def test_an_end_that_was_in_the_prompt_already_is_penalized_as_itself():
    row = np.full(9, -30.0)
    row[[2, 4]] = 20.0, 15.0  # one of two ends, which stands in the prompt, and another token
    answer = Answer(finish=Finish.STOP)
    [log] = chances_of(row, 2.0).log_chances([(1, 2)], [answer], 1.0)
    assert log == pytest.approx(-5, abs=0.01)


def test_a_tie_is_one_under_the_repetition_penalty():
    row = np.zeros(9)
    row[[3, 5]] = 10.0, 20.0
    one, other = (Answer(token_ids=it, finish=Finish.LENGTH) for it in [(5, 5), (5, 3)])
    assert chances_of(row, 2.0).is_tie((1,), one, other)
    assert not chances_of(row, 1.0).is_tie((1,), one, other)


@pytest.mark.parametrize("penalty", [1.0, 1.1])
def test_the_logits_of_one_answer_are_held_at_a_time(penalty):
    score = LettingGo()
    answers = [Answer(token_ids=(5, 3, at), finish=Finish.LENGTH) for at in range(4)]
    logs = Chances(score, (7, 2), penalty).log_chances([(1,)] * 4, answers, 1.0)
    assert score.scored == len({*logs}) == 4


def test_the_logits_of_one_prompt_are_held_at_a_time():
    score = LettingGo()
    named = [(f"item {at}", tuple(range(30 + at))) for at in range(4)]
    prompts = uncertain_prompts(score, named, np.random.default_rng(1), 8)
    assert score.scored == 4
    assert all(10 < len(it.token_ids) < 34 for it in prompts)


def broken(found):
    return {it for it, problems in found.problems.items() if any(problems.values())}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_engine_keeps_every_promise(held, seed):
    found = held(ENGINE, seed)
    assert found.absence == ""
    assert [*found.problems] == [*Contract]
    assert {len(it) for it in found.problems.values()} == {12}
    assert broken(found) == set()


SEEDS = {Contract.SAME_SEED}
OTHER = {Contract.OTHER_SEED}


@pytest.mark.parametrize(
    ("plant", "contracts"),
    [
        ("IgnoresSeed", SEEDS),
        ("IgnoresSeedNowAndThen", SEEDS),
        ("HasOneSeed", OTHER),
        ("HasFewSeeds", OTHER),
        ("NeverSamples", OTHER),
        ("NeverSamplesWhenHot", OTHER),
        ("IgnoresTemperature", {Contract.TEMPERATURE}),
        ("IgnoresTemperatureNowAndThen", {Contract.TEMPERATURE}),
        ("IgnoresTopK", {Contract.TOP_K}),
        ("IgnoresTopKNowAndThen", {Contract.TOP_K}),
        ("IgnoresTopP", {Contract.TOP_P}),
        ("IgnoresTopPNowAndThen", {Contract.TOP_P}),
        ("GivesOneTokenMore", {Contract.LIMIT}),
        ("ForgetsTheLimit", {Contract.LIMIT}),
    ],
)
def test_a_broken_promise_is_named(held, plant, contracts):
    found = held(f"tests.contract_plants:{plant}")
    assert contracts <= broken(found), found
    for contract in contracts:
        named = [f"{name}: {it}" for name, it in found.problems[contract].items() if it]
        assert all(it.startswith("item ") and " tokens: " in it for it in named)


class SureOfItself:
    """A made-up runtime that says the likeliest token nine times in ten when it is hot."""

    LOGITS = np.array([0.0, -17.6, -60.0], np.float32)

    def __init__(self, seed):
        self.unseeded = np.random.default_rng(seed)
        self.asked = 0

    def ask(self, plan):
        return [self.answer(it) for it in plan]

    def answer(self, request):
        self.asked += 1
        if request.score_from is not None:
            rows = len(request.token_ids) - request.score_from
            return Answer(logits=np.tile(self.LOGITS, (rows, 1)))
        if request.sampling is None or request.sampling.temperature < 1:
            return self.said(0, request)
        generator = self.drawing(request.sampling.seed)
        chances = np.exp(self.LOGITS / request.sampling.temperature)
        if request.sampling.top_k == 1 or request.sampling.top_p < 1:
            return self.said(0, request)
        return self.said(int(generator.choice(3, p=chances / chances.sum())), request)

    def drawing(self, seed):
        return np.random.default_rng(seed)

    @staticmethod
    def said(token, request):
        return Answer(str(token), (token,), finish=Finish.LENGTH)


class SureWithoutSeeds(SureOfItself):
    def drawing(self, seed):
        return self.unseeded


def sure(runtime):
    prompts = [
        Prompt(f"{at}", Request(token_ids=(at, 1)), (at, 1), (at, at + 9)) for at in range(3)
    ]
    return hold(runtime.ask, Chances(runtime.ask, END), prompts)


def test_more_seeds_are_drawn_where_texts_may_be_equal_by_chance():
    missed = [
        not any(sure(SureWithoutSeeds(it)).problems["same_seed"].values()) for it in range(99)
    ]
    assert sum(missed) <= 2
    patient = SureOfItself(1)
    assert broken(sure(patient)) == set()
    assert patient.asked < 150


def test_a_runtime_that_cannot_sample_breaks_no_promise_but_is_not_judged(held):
    found = held("tests.contract_plants:CannotSample")
    assert found.absence == "the runtime does not sample: this engine is greedy"
    assert not found.problems


def repeated(embedded, factory, variant="int4"):
    speaker = Speaker(factory, embedded[variant])
    names = [f"item {at}" for at in range(len(CHATS))]
    answers = speaker.ask(repeats(CHATS, COUNT))
    found = changed(names, answers, Chances(speaker.ask, END))
    assert len(found) == COUNT
    return {at: f"{name}: {why}" for at, name, why in found if why}


@pytest.mark.parametrize("variant", ["fp32", "int8", "int4"])
def test_the_engine_says_the_same_again_and_again(embedded, variant):
    assert repeated(embedded, ENGINE, variant) == {}


@pytest.mark.parametrize(
    ("plant", "every"),
    [("Corrupts", 50), ("CorruptsSeldom", 200), ("CutsSeldom", 200), ("GarblesText", 50)],
)
def test_an_answer_that_is_wrong_now_and_then_is_named(embedded, plant, every):
    found = repeated(embedded, f"tests.contract_plants:{plant}")
    first = -(-(len(CHATS) + 1) // every) * every
    assert [*found] == [*range(first, len(CHATS) + COUNT + 1, every)]
    assert ", not '" in found[first]
    assert found[first].startswith("item ")
    assert found[first].endswith("as before")


DAYS = {"Monday": (1,), "Tuesday": (2,)}


def asked_again(*given, today="Tuesday"):
    """What is changed in answers to one chat, each the prompt's day and a token."""
    calls = []

    def anew(chats):
        calls.append(chats)
        return [DAYS[today]]

    answers = [
        Answer(prompt_ids=DAYS[day], token_ids=(said,), text=str(said)) for day, said in given
    ]
    chances = Chances(lambda plan: [Answer() for _ in plan], END)
    found = ask_again(lambda plan: answers, anew, chances, [("item", CHATS[0])], len(given) - 1)
    assert len(found) == len(given) - 1
    return [number for number, _, why in found if why], len(calls)


def test_an_answer_on_another_day_is_held_against_those_of_that_day():
    monday, tuesday, wrong = ("Monday", 5), ("Tuesday", 6), ("Tuesday", 7)
    assert asked_again(monday, monday, tuesday, tuesday) == ([], 1)
    assert asked_again(monday, ("Monday", 7), tuesday, wrong, tuesday) == ([2, 4], 1)


def test_a_prompt_that_no_date_explains_is_a_change():
    monday, other = ("Monday", 5), ("Tuesday", 6)
    assert asked_again(monday, other, monday, today="Monday") == ([2], 1)
    assert asked_again(monday, monday) == ([], 0)
