import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.answer import Answer, Finish
from harness.bank import shuffled
from harness.domain import read_items
from harness.errors import ConfigError, RequestError
from harness.exam import choice_requests, replies, require_answers
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.release import Data, Precision, Role
from harness.reply_cache import ReplyCache
from harness.runtimes.scripted import Scripted
from harness.variant import Recipe, Variant

ENGINE = "harness.runtimes.ort_genai:OrtGenAI"
EVAL = Path(__file__).parent.parent / "fixtures" / "travel" / "eval.jsonl"


class Merging(Scripted):
    """Its tokenizer makes one token of a line's end and the letter after it, as real ones may."""

    def encode(self, texts):
        return [_merged(list(text.encode())) for text in texts]


class WithoutLikelihoods(Scripted):
    found = ()

    def answer(self, request):
        return replace(super().answer(request), log_likelihoods=self.found)


class WithOneOfTwo(WithoutLikelihoods):
    found = (-1.0,)


class WithNoNumber(WithoutLikelihoods):
    found = (-1.0, math.nan)


def _merged(ids):
    found = []
    for token in ids:
        if found and found[-1] == ord("\n") and token != ord("["):
            found[-1] = 256 - token
        else:
            found.append(token)
    return found


@pytest.fixture
def fleet(tmp_path):
    variant = Variant(Recipe("int4", Role.CANDIDATE, Precision.INT4), tmp_path, {}, "sha256:0")

    def make(runtime="Scripted", is_chat=True):
        module = "harness.runtimes.scripted" if runtime == "Scripted" else __name__
        return Fleet({"int4": variant}, f"{module}:{runtime}", 60.0, is_chat=is_chat)

    return make


def item(name, *choices):
    scorer = Scorer.CHOICE if choices else Scorer.EXACT
    return Item(name, (("user", name),), "LIS", scorer=scorer, choices=choices)


def test_choices_are_scored_and_the_rest_is_generated_in_the_items_order(fleet):
    items = [item("a"), item("b", "LIS", "OPO", "FAO"), item("c"), item("d", "LIS", "OPO")]
    with fleet() as runtimes:
        found = replies(runtimes, "int4", items)
        alone = [replies(runtimes, "int4", [it])[0] for it in items]
    assert [len(it.likelihoods) for it in found] == [0, 3, 0, 2]
    assert [bool(it.answer.text) for it in found] == [True, False, True, False]
    assert [it.likelihoods for it in found] == [it.likelihoods for it in alone]
    assert [it.answer.text for it in found] == [it.answer.text for it in alone]


@pytest.mark.parametrize("runtime", ["Scripted", "Merging"])
def test_a_likelihood_is_of_all_tokens_that_the_choice_brings(fleet, runtime):
    offered = item("b", "LIS", "LISBON")
    with fleet(runtime) as runtimes:
        [reply] = replies(runtimes, "int4", [offered])
        [prompt] = runtimes.render("int4", [offered.messages])
        whole = runtimes.encode("int4", [prompt + choice for choice in offered.choices])
    # The last token of the prompt is scored too where it is one with the choice's first letter.
    seam = len(prompt) - (runtime == "Merging")
    assert reply.likelihoods == pytest.approx([by_hand(ids, seam) for ids in whole])
    assert reply.choice_tokens == tuple(len(ids) - seam for ids in whole)


def by_hand(ids, seam):
    """Sum of log-softmax over the waves that the scripted runtime has for logits."""
    total = 0.0
    for place in range(seam, len(ids)):
        phase = np.float32(sum(ids[:place]))
        row = np.sin(phase + np.arange(257, dtype=np.float32)).astype(float)
        total += row[ids[place]] - math.log(np.exp(row).sum())
    return total


@pytest.mark.parametrize(
    ("prompt", "choice", "read"),
    [
        ("Answer:", "yes", "Answer: yes"),
        ("Answer: ", "yes", "Answer: yes"),
        ("Answer:", " yes", "Answer: yes"),
        ("答案：", "是", "答案：是"),
        ("정답:", "네", "정답: 네"),
    ],
)
def test_a_base_model_reads_a_choice_as_a_word_of_its_own(fleet, prompt, choice, read):
    item = Item("q", (("user", prompt),), choice, scorer=Scorer.CHOICE, choices=(choice, "ünlike"))
    with fleet(is_chat=False) as runtimes:
        [request] = choice_requests(runtimes, "int4", [item])
    assert bytes(request.token_ids + request.continuations[0]).decode() == read


def test_a_choice_that_no_tokenizer_can_tell_from_nothing_is_the_users_mistake(fleet):
    nothing = Item("b", (("user", "b"),), "", scorer=Scorer.CHOICE, choices=("", "LIS"))
    with fleet() as runtimes, pytest.raises(ConfigError, match="item b: a choice adds no token"):
        replies(runtimes, "int4", [nothing])


@pytest.mark.parametrize(
    ("runtime", "given"),
    [
        ("WithoutLikelihoods", r"\[\]"),
        ("WithOneOfTwo", r"\[-1.0\]"),
        ("WithNoNumber", r"\[-1.0, nan\]"),
    ],
)
def test_a_runtime_that_does_not_score_every_choice_is_refused(fleet, runtime, given):
    message = f"int4 refused a request: 2 choices were to be scored, and it gave {given}$"
    with fleet(runtime) as runtimes, pytest.raises(RequestError, match=message) as raised:
        replies(runtimes, "int4", [item("b", "LIS", "OPO")])
    assert raised.value.variant == "int4"


def test_a_list_of_items_takes_three_questions_whatever_its_length(fleet, monkeypatch):
    asked = []
    with fleet() as runtimes:
        for name in ("ask_shared", "encode", "render"):
            monkeypatch.setattr(runtimes, name, recorded(getattr(runtimes, name), asked))
        found = replies(runtimes, "int4", [item(f"{n}", "LIS", "OPO") for n in range(30)])
        assert len(found) == 30
        assert asked == ["render", "encode", "ask_shared"]
        assert replies(runtimes, "int4", []) == ()
        assert len(asked) == 3


def recorded(method, asked):
    def call(*arguments):
        asked.append(method.__name__)
        return method(*arguments)

    return call


@pytest.fixture
def engine(embedded):
    """A new process of the embedded int4 on the engine itself."""
    variant = Variant(Recipe("int4", Role.CANDIDATE, Precision.INT4), embedded["int4"], {}, "")
    return lambda: Fleet({"int4": variant}, ENGINE, 60.0)


def domain_items(count):
    """Every fourth to be generated, the others with choices of one token and of many."""
    bank = shuffled(read_items(Data(EVAL)), 0)[:count]
    wrong = ("7", "Lisbon", "the airport of Porto", "08:00", '{"city": "Oslo"}')
    offered = [tuple(dict.fromkeys((it.expected, *wrong[n % 3 :]))) for n, it in enumerate(bank)]
    return [
        replace(it, scorer=Scorer.CHOICE, choices=choices) if n % 4 else it
        for n, (it, choices) in enumerate(zip(bank, offered, strict=True))
    ]


def test_an_item_is_the_same_to_the_bit_whatever_is_asked_beside_it(engine):
    items = domain_items(24)
    orders = [items, items[::-1], *([it] for it in items), items[5:9], items[::2]]
    found = {it.id: set() for it in items}
    for half in (orders[::2], orders[1::2]):
        with engine() as runtimes:
            for order in half:
                for it, reply in zip(order, replies(runtimes, "int4", order), strict=True):
                    found[it.id].add((reply.likelihoods, reply.answer.token_ids))
    assert [len(it) for it in found.values()] == [1] * 24
    assert all(-math.inf < it < 0 for [said] in found.values() for it in said[0])


def test_kept_likelihoods_are_served_whatever_they_are_proven_beside(engine, tmp_path):
    items, asked = domain_items(24), []

    def of_session(wanted):
        with engine() as runtimes:

            def ask(some):
                asked.append(len(some))
                return replies(runtimes, "int4", some)

            return ReplyCache(tmp_path, {"variant": "int4"}).replies(wanted, ask)

    first, again = of_session(items), of_session(items[::-1])
    assert [it.likelihoods for it in again] == [it.likelihoods for it in first[::-1]]
    assert asked == [24, 3]


@pytest.mark.parametrize("choices", [(), ("LIS", "OPO")])
def test_items_longer_than_the_context_are_the_banks_mistake_all_at_once(engine, choices):
    said = (("user", "A hotel in Rome. " * 2000),)
    long = [replace(item(name, *choices), messages=said) for name in ("q17", "q18")]
    found = r"context of int4, 4,096 tokens: found q17 \([\d,]+ tokens\), q18 \([\d,]+ tokens\):"
    with engine() as runtimes, pytest.raises(ConfigError, match=found):
        replies(runtimes, "int4", [item("a"), *long])


def test_an_item_that_is_refused_is_named(fleet):
    half = replace(item("q17"), messages=(("user", "half of a \ud83d"),))
    with fleet() as runtimes, pytest.raises(RequestError, match=r"int4 refused .*: item q17: "):
        replies(runtimes, "int4", [item("a"), half])


def test_an_error_among_answers_is_evidence_against_who_gave_it():
    with pytest.raises(RequestError, match="int4 refused a request: too long") as raised:
        require_answers("int4", [Answer(), Answer(finish=Finish.ERROR, error="too long")])
    assert raised.value.variant == "int4"
