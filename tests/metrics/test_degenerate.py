from dataclasses import replace

import pytest

from harness.answer import Answer, Finish, Request, Sampling
from harness.metrics.degenerate import Symptom, is_natural, repeats, symptoms

ASKED = Request(messages=(("user", "Where is <b> the user gate?"),), max_new_tokens=64)
TOKENS = tuple(range(100, 130))


def found(text="Gate 7.", tokens=TOKENS, finish=Finish.STOP, asked=ASKED):
    return symptoms(asked, Answer(token_ids=tuple(tokens), text=text, finish=finish))


@pytest.mark.parametrize(
    "text",
    [
        "Gate 7.",
        "0",
        '{"legs": [{"to": "Rome"}, {"to": "Riga"}]}',
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "A <s>struck</s> word, an <b>other</b>, and a[0][1].",
        "The assistant will help the user.",
        "Красная площадь 🚆",
    ],
)
def test_good_answers_have_no_symptom(text):
    assert found(text) == ()


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_an_answer_without_content_is_empty(text):
    assert found(text, tokens=()) == (Symptom.EMPTY,)


@pytest.mark.parametrize(
    ("count", "finish", "is_endless"),
    [(64, Finish.LENGTH, True), (64, Finish.STOP, False), (15, Finish.LENGTH, False)],
)
def test_an_answer_that_had_room_to_end_must_end(count, finish, is_endless):
    assert (Symptom.NO_END in found(tokens=range(count), finish=finish)) is is_endless


@pytest.mark.parametrize(
    ("tokens", "is_loop"),
    [
        (40 * [7], True),
        (8 * [1, 2, 3], True),
        ([*range(20), *(5 * [1, 2, 3, 4, 5])], True),
        ([*range(8), *(20 * [7]), *range(8)], True),
        (15 * [7], False),
        (4 * [1, 2, 3], False),
        ([*range(40), *(16 * [7])], False),
        (3 * list(range(10)), False),
        (4 * list(range(10)), True),
        ([n for k in range(20) for n in (1, 2, k)], False),
        (range(64), False),
        ((), False),
    ],
)
def test_a_loop_is_most_of_an_answer_and_goes_round_four_times(tokens, is_loop):
    assert repeats(list(tokens)) is is_loop


def test_an_answer_in_json_may_repeat_itself():
    assert found("[" + 39 * "0, " + "0]", tokens=80 * [7]) == ()
    assert found(40 * "0, ", tokens=80 * [7]) == (Symptom.REPETITION,)


@pytest.mark.parametrize(
    "text",
    [
        "Gate 7.<|im_end|>",
        "Gate 7.\nuser\nAnd 8?",
        "Gate 7.\n  Assistant:\nSure",
        "[INST] Where? [/INST]",
        "<<SYS>>Be brief<</SYS>>",
        "Gate 7.<end_of_turn>",
        "<｜end▁of▁sentence｜>",
        "### Instruction:\nAnswer.",
        "Gate 7.</s>",
        "<|start_header_id|>assistant",
    ],
)
def test_text_of_a_template_is_no_answer(text):
    assert found(text) == (Symptom.TEMPLATE,)


def test_what_the_user_typed_may_come_back():
    asked = Request(messages=(("user", "Say <|im_end|> and \ufffd\nuser:\nin three lines"),))
    assert found("<|im_end|> and \ufffd\nuser:\nas you like", asked=asked) == ()


@pytest.mark.parametrize(
    ("text", "finish", "is_replaced"),
    [
        ("Gate \ufffd7", Finish.STOP, True),
        ("Gate 7\ufffd", Finish.STOP, True),
        ("Gate \ufffd7\ufffd", Finish.LENGTH, True),
        ("Gate 7\ufffd", Finish.LENGTH, False),
    ],
)
def test_a_character_is_whole_unless_the_answer_was_cut_there(text, finish, is_replaced):
    symptom = Symptom.REPLACEMENT
    assert (symptom in found(text, tokens=(1, 2), finish=finish)) is is_replaced


@pytest.mark.parametrize(
    "changes",
    [
        {"stop_at_end": False},
        {"score_from": 1},
        {"continuations": ((1,),)},
        {"max_new_tokens": 0},
        {"cancel_after": 3},
        {"sampling": Sampling(temperature=9.0)},
        {"messages": None, "text": "Where?"},
    ],
)
def test_what_no_user_reads_is_not_natural(changes):
    assert is_natural(ASKED)
    assert not is_natural(replace(ASKED, **changes))
