import math

import numpy as np
import pytest

from harness.answer import Answer, Finish
from harness.errors import ConfigError, RequestError
from harness.exam import replies, require_answers
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.release import Precision, Role
from harness.runtimes.scripted import Scripted
from harness.variant import Recipe, Variant


class Merging(Scripted):
    """Its tokenizer makes one token of a line's end and the letter after it, as real ones may."""

    def encode(self, texts):
        return [_merged(list(text.encode())) for text in texts]


class WithoutLogits(Scripted):
    def answer(self, request):
        answer = super().answer(request)
        return Answer(prompt_ids=answer.prompt_ids, finish=answer.finish)


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

    def make(runtime="Scripted"):
        module = "harness.runtimes.scripted" if runtime == "Scripted" else __name__
        return Fleet({"int4": variant}, f"{module}:{runtime}", 60.0)

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


def by_hand(ids, seam):
    """Sum of log-softmax over the waves that the scripted runtime has for logits."""
    total = 0.0
    for place in range(seam, len(ids)):
        phase = np.float32(sum(ids[:place]))
        row = np.sin(phase + np.arange(257, dtype=np.float32)).astype(float)
        total += row[ids[place]] - math.log(np.exp(row).sum())
    return total


def test_a_choice_that_no_tokenizer_can_tell_from_nothing_is_the_users_mistake(fleet):
    nothing = Item("b", (("user", "b"),), "", scorer=Scorer.CHOICE, choices=("", "LIS"))
    with fleet() as runtimes, pytest.raises(ConfigError, match="item b: a choice adds no token"):
        replies(runtimes, "int4", [nothing])


def test_a_runtime_without_logits_is_said_to_have_none(fleet):
    with fleet("WithoutLogits") as runtimes, pytest.raises(RequestError, match="gave no logits"):
        replies(runtimes, "int4", [item("b", "LIS", "OPO")])


def test_an_error_among_answers_is_evidence_against_who_gave_it():
    with pytest.raises(RequestError, match="int4 refused a request: too long") as raised:
        require_answers("int4", [Answer(), Answer(finish=Finish.ERROR, error="too long")])
    assert raised.value.variant == "int4"
