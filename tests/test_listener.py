from dataclasses import replace

import pytest

from harness.answer import Answer, Finish, Request
from harness.bank import question
from harness.item import Item, Scorer
from harness.listener import Listener, summary
from harness.reply import Reply


def asked(question):
    return Request(messages=(("user", question),), max_new_tokens=64)


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def say(listener):
    def say(name, **texts):
        plan = [asked(question) for question in texts]
        listener.hear(name, plan, [Answer(text=text) for text in texts.values()])

    return say


def measured(listener, name, suite="accuracy"):
    found = listener.measurement(suite, name, "fp32", "here")
    return found and (found.values, found.reference_values, found.labels, found.beside)


def test_each_chat_is_measured_beside_the_references_answer_to_it(listener, say):
    say("fp32", a="fine", b="", c="fine", d="fine")
    listener.begin()
    say("int4", c="", b="", a="fine", e="")
    found = listener.measurement("accuracy", "int4", "fp32", "here")
    assert (found.metric, found.variant, found.unit) == ("accuracy.degenerate", "int4", "share")
    assert found.values == (1.0, 0.0, 0.0)
    assert found.reference_values == (0.0, 0.0, 0.0)
    assert found.labels == ("empty answer", "empty answer", "")
    assert found.beside == "fp32"
    assert summary(found) == (
        "degenerate answers in accuracy of int4: 1 of 3 (fp32: 0): 1 x empty answer"
    )


CUT = Answer(token_ids=tuple(range(16)), text="so it goes on and", finish=Finish.LENGTH)


@pytest.mark.parametrize(
    "answer",
    [
        replace(CUT, text="<|im_start|>user and on"),
        replace(CUT, token_ids=(7,) * 16, text="no " * 16),
        Answer(text=""),
    ],
    ids=["template text", "repetition", "empty answer"],
)
def test_an_answer_of_the_references_that_is_cut_hides_no_other_symptom(listener, answer, request):
    plan = [asked(str(number)) for number in range(20)]
    listener.hear("fp32", plan, [CUT] * 20)
    listener.begin()
    listener.hear("int4", plan, [answer] * 20)
    values, references, labels, _ = measured(listener, "int4", "edge_cases")
    assert (values, references) == ((1.0,) * 20, (0.0,) * 20)
    assert all(request.node.callspec.id in label for label in labels)


def test_what_both_are_cut_in_is_nobodys_and_what_each_has_alone_is_its_own(listener):
    plan = [asked(question) for question in "abc"]
    listener.hear("fp32", plan, [CUT, Answer(text=""), Answer(text="<|im_end|>")])
    listener.begin()
    listener.hear("int4", plan, [CUT, CUT, Answer(text="")])
    values, references, labels, _ = measured(listener, "int4")
    assert (values, references) == ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0))
    assert labels == ("no end", "no end", "empty answer")


def test_the_reference_is_measured_by_itself(listener, say):
    say("fp32", a="fine", b="")
    assert measured(listener, "fp32") == ((0.0, 1.0), (), ("", "empty answer"), "")


def test_a_variant_that_answers_alone_is_measured_without_a_reference(listener, say):
    say("int4", a="")
    assert measured(listener, "int4") == ((1.0,), (), ("empty answer",), "")


def test_a_suite_is_measured_by_what_its_own_checks_asked(listener, say):
    say("int4", a="")
    listener.begin()
    assert measured(listener, "int4", "edge_cases") is None
    say("int4", b="fine")
    assert measured(listener, "int4", "edge_cases")[0] == (0.0,)
    listener.begin()
    say("int4", c="")
    assert measured(listener, "int4", "edge_cases")[0] == (0.0, 1.0)


@pytest.mark.parametrize(("is_chat", "label"), [(True, "no end"), (False, "")])
def test_a_text_that_is_gone_on_with_needs_no_end(is_chat, label):
    listener = Listener(is_chat)
    answer = Answer(tuple("p"), tuple(range(20)), "and so on", Finish.LENGTH)
    listener.hear("int4", [asked("a")], [answer])
    assert measured(listener, "int4")[2] == (label,)


def test_a_chat_with_two_answers_has_the_symptoms_of_both(listener, say):
    say("int4", a="<|im_end|>")
    say("int4", a="")
    say("int4", a="fine")
    assert measured(listener, "int4")[2] == ("empty answer, template text",)


def test_what_no_user_reads_and_what_was_refused_is_not_heard(listener):
    timed = Request(messages=(("user", "a"),), stop_at_end=False)
    listener.hear("int4", [timed, asked("b")], [Answer(), Answer(finish=Finish.ERROR, error="no")])
    assert measured(listener, "int4") is None


def test_replies_that_come_from_elsewhere_are_heard_once_and_choices_never(listener):
    items = [
        Item("a", (("user", "a"),), "x"),
        Item("b", (("user", "b"),), "x", scorer=Scorer.CHOICE, choices=("x", "y")),
        Item("c", (("user", "c"),), "x"),
    ]
    replies = [Reply(Answer(text="x")), Reply(likelihoods=(-1.0, -2.0)), Reply(Answer())]
    listener.hear_replies({"fp32": replies[:1]}, items)
    listener.begin()
    listener.hear_replies({"fp32": replies}, items)
    assert measured(listener, "fp32")[0] == (1.0,)


def test_what_comes_after_the_end_of_an_answer_is_not_heard():
    listener = Listener(is_chat=False)
    ids = (8, 9, *(1, 2) * 20)
    answer = Answer(text="8\nQ:" + "a b " * 20, token_ids=ids, finish=Finish.LENGTH)
    for until, label in (((), "repetition"), (("\nQ:",), "")):
        item = Item("q", (("user", f"3 + 5 {until}"),), "8", until=until)
        listener.begin()
        listener.hear_replies({label: [Reply(answer)]}, [item])
        assert listener.measurement("accuracy", label, label, "here").labels == (label,)


def test_an_answer_ends_alike_whether_it_was_asked_now_or_kept():
    item = Item("q", (("user", "3 + 5"),), "8", until=("\nQ:",))
    listener = Listener(is_chat=False, items=[item])
    answer = Answer(text="8\nQ:" + "a b " * 20, token_ids=(8, 9, *(1, 2) * 20))
    listener.hear_replies({"fp32": [Reply(answer)]}, [item])
    listener.begin()
    listener.hear("int4", [question(item)], [answer])
    listener.hear_replies({"int4": [Reply(answer)]}, [item])
    assert measured(listener, "int4")[:3] == ((0.0,), (0.0,), ("",))


def test_where_choices_are_all_that_is_asked_nothing_is_degenerate(listener):
    items = [
        Item(name, (("user", name),), "x", scorer=Scorer.CHOICE, choices=("x", "y"))
        for name in "ab"
    ]
    replies = [Reply(likelihoods=(-1.0, -2.0))] * 2
    for name in ("fp32", "int4"):
        listener.begin()
        listener.hear_replies({name: replies}, items)
        beside = (0.0, 0.0) if name == "int4" else ()
        assert measured(listener, name)[:2] == ((0.0, 0.0), beside)
