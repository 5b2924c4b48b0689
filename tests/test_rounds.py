import numpy as np
import pytest

from harness.answer import Answer, Finish, Request
from harness.errors import CrashError, InfrastructureError, RequestError
from harness.rounds import Rounds

PROMPT = Request(token_ids=(1, 2, 3))
NAMES = ("fp32", "int8", "int4")


class Variants:
    """Answers everything, unless `faults` has something else for a name."""

    def __init__(self, **faults):
        self.faults = faults
        self.asked = []

    def __call__(self, name, request):
        self.asked.append(name)
        fault = self.faults.get(name)
        if isinstance(fault, Exception):
            raise fault
        return fault or Answer(prompt_ids=request.token_ids, text=name)


def rounds(variants):
    return Rounds(variants, "fp32", np.random.default_rng(0))


def take(it, read=lambda answer: answer.text):
    return it.take(PROMPT, NAMES, read)


def test_everybody_is_asked_once_a_round_in_an_order_that_varies():
    variants = Variants()
    it = rounds(variants)
    found = [take(it) for _ in range(30)]
    assert all(answers == {name: name for name in NAMES} for answers in found)
    orders = {tuple(variants.asked[at : at + 3]) for at in range(0, 90, 3)}
    assert all(sorted(order) == sorted(NAMES) for order in orders)
    assert len(orders) == 6


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (CrashError("int8: died"), "int8: died"),
        (Answer(finish=Finish.ERROR, error="no"), "int8 refused a prompt of 3 tokens: no"),
        (
            Answer(prompt_ids=(1, 2)),
            "int8 was asked a prompt of 3 tokens, and answered 2",
        ),
    ],
    ids=["crash", "refusal", "another prompt"],
)
def test_who_goes_wrong_drops_out_and_leaves_the_others_alone(fault, message):
    variants = Variants(int8=fault)
    it = rounds(variants)
    assert [take(it) for _ in range(2)] == [{"fp32": "fp32", "int4": "int4"}] * 2
    assert variants.asked.count("int8") == 1
    assert list(it.errors) == ["int8"]
    assert str(it.errors["int8"]) == message


def test_what_is_wrong_with_an_answer_is_evidence_against_who_gave_it():
    it = rounds(Variants())

    def read(answer):
        if answer.text == "int4":
            raise RequestError("gave 1 new token")
        return answer.text

    assert take(it, read) == {"fp32": "fp32", "int8": "int8"}
    assert (str(it.errors["int4"]), it.errors["int4"].variant) == (
        "int4 gave 1 new token",
        "int4",
    )


def test_a_clock_that_steps_back_is_nobodys_fault_but_ends_the_measuring():
    it = rounds(Variants(int4=InfrastructureError("the clock stepped back")))
    assert "int4" not in take(it)
    assert isinstance(it.errors["int4"], InfrastructureError)


def test_without_the_reference_nobody_is_asked_any_more():
    variants = Variants(fp32=CrashError("fp32: died"))
    it = rounds(variants)
    assert take(it) == {}
    asked = len(variants.asked)
    assert take(it) == {}
    assert len(variants.asked) == asked
