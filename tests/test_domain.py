import json

import pytest

from harness.asking import Ask, Format, Normalize
from harness.domain import read_items
from harness.errors import ConfigError
from harness.item import Scorer
from harness.release import Data

GOOD = {"id": "a", "prompt": "Hi", "expected": "Hello"}
SCHEMA = {"type": "object"}


@pytest.fixture
def read(tmp_path):
    def read(*rows, schema=None):
        path = tmp_path / "items.jsonl"
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
        return read_items(Data(path, schema=schema))

    return read


def test_items_are_read_from_prompts_and_from_messages(read):
    turns = [{"role": "user", "content": "Hi"}]
    chats = [{"id": key, key: turns, "expected": "Yes"} for key in ("messages", "prompt")]
    assert [it.messages for it in read(GOOD, "", *chats)] == [(("user", "Hi"),)] * 3


def test_what_is_a_value_in_a_row_is_text_in_an_item(read):
    [booking, amount] = read(
        GOOD | {"expected": {"to": "Zürich"}, "scorer": "json", "schema": SCHEMA},
        GOOD | {"id": "b", "expected": 16.1, "scorer": "numeric", "tolerance": 1},
    )
    assert (booking.expected, booking.schema) == ('{"to": "Zürich"}', '{"type": "object"}')
    assert (amount.expected, amount.tolerance) == ("16.1", 1)


def test_a_function_of_the_users_is_a_scorer(read):
    path = "tests.metrics.scorers.functions:share"
    [item] = read(GOOD | {"scorer": path})
    assert (item.scorer, item.function) == (Scorer.FUNCTION, path)


def test_a_schema_of_the_release_is_for_all_json_that_has_none(read, tmp_path):
    path = tmp_path / "booking.schema.json"
    path.write_text(json.dumps(SCHEMA))
    in_json = GOOD | {"expected": {}, "scorer": "json"}
    found = read(GOOD, in_json | {"id": "b"}, in_json | {"id": "c", "schema": True}, schema=path)
    assert [it.schema for it in found] == ["", '{"type": "object"}', "true"]
    with pytest.raises(ConfigError, match=r"the JSON Schema .*none\.json cannot be read"):
        read(GOOD, schema=tmp_path / "none.json")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "line 2 is not JSON"),
        ("[1]", "line 2 is not a JSON object"),
        ('{"id": "b", "expected": "x"}', "line 2: needs a prompt, or messages"),
        ('{"id": "b", "prompt": "x"}', "line 2: the key 'expected' is missing"),
        ('{"id": "b", "prompt": "x", "expected": 7}', "line 2: expected: expected text"),
        ('{"id": "b", "prompt": "x", "expected": "", "scorer": "vibes"}', "'vibes'"),
        ('{"id": "b", "prompt": "x", "expected": "(", "scorer": "regex"}', "line 2: this is not a"),
        (
            '{"id": "b", "prompt": "x", "expected": "x", "scorer": "no.such:f"}',
            "line 2: the scorer",
        ),
        ('{"id": "b", "prompt": "x", "expected": "x", "choices": ["x"]}', "line 2: choices is for"),
        (
            '{"id": "b", "prompt": "x", "expected": "x", "until": "Question:"}',
            "line 2: until must be a list of texts: found 'Question:'",
        ),
        ('{"id": "b", "prompt": "\\ud83d", "expected": "x"}', "line 2: a text has half a char"),
        ('{"id": "b\\ud83d", "prompt": "x", "expected": "x"}', "line 2: a text has half a char"),
        (json.dumps(GOOD), "items.jsonl: each item needs an id of its own: found 'a' twice"),
    ],
)
def test_a_broken_line_of_data_is_named_by_its_number(read, line, message):
    with pytest.raises(ConfigError) as raised:
        read(GOOD, line)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_data_without_an_item_is_refused(read):
    with pytest.raises(ConfigError, match="holds no item"):
        read("")


def test_data_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"the domain data .*nope\.jsonl cannot be read"):
        read_items(Data(tmp_path / "nope.jsonl"))


QUIZ = {
    "id": "w-1",
    "question": "Which of these floats?",
    "choices": {"text": ["a nail", "a cork"], "label": ["A", "B"]},
    "answerKey": "B",
}
SUM = {"question": "What is 5 and 7?", "answer": "5 + 7 = 12\n#### 12"}
CHOICE = GOOD | {"scorer": "choice", "choices": ["Hello", "Bye"]}


@pytest.fixture
def bank(tmp_path):
    """A file of rows, as JSONL where its name says nothing else."""

    def bank(*rows, name="bank.jsonl"):
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        return tmp_path / name

    return bank


def test_a_public_bank_is_read_as_it_was_published(bank):
    [quiz] = read_items(Data(bank(QUIZ)))
    assert (quiz.id, quiz.choices, quiz.expected) == ("w-1", ("a nail", "a cork"), "a cork")
    assert (quiz.scorer, quiz.chance_level, quiz.slice) == (Scorer.CHOICE, 0.5, "all")
    [added] = read_items(Data(bank(SUM)))
    assert (added.id, added.expected, added.scorer) == ("bank.jsonl line 1", "12", Scorer.NUMERIC)


def test_a_public_bank_may_be_a_table(tmp_path):
    path = tmp_path / "piqa.csv"
    path.write_text('goal,sol1,sol2,label\n"To dry a shoe, wet","paper","water",1\n')
    [item] = read_items(Data(path))
    assert (item.choices, item.expected) == (("paper", "water"), "water")
    (tmp_path / "scenes.csv").write_text('ctx,endings,label\nA man,"[""sits"", ""flies""]",0\n')
    [item] = read_items(Data(tmp_path / "scenes.csv"))
    assert (item.choices, item.expected) == (("sits", "flies"), "sits")


def test_labels_of_a_file_beside_it_are_right_choices(bank, tmp_path):
    path = bank({"goal": "To dry a shoe,", "sol1": "paper", "sol2": "water"}, name="valid.jsonl")
    with pytest.raises(ConfigError, match=r"valid\.jsonl line 1: it has no label"):
        read_items(Data(path))
    (tmp_path / "valid-labels.lst").write_text("1\n")
    assert [it.expected for it in read_items(Data(path))] == ["water"]
    (tmp_path / "mine.lst").write_text("0\n")
    assert read_items(Data(path, labels=tmp_path / "mine.lst"))[0].expected == "paper"


def test_rows_of_another_format_than_the_first_are_named(bank):
    with pytest.raises(ConfigError, match=r"bank\.jsonl line 2 is not of the format arc"):
        read_items(Data(bank(QUIZ, SUM)))
    with pytest.raises(ConfigError, match=r"bank\.jsonl line 1 has the fields of no format"):
        read_items(Data(bank({"question": "?"})))
    with pytest.raises(ConfigError, match=r"bank\.jsonl line 1 is not of the format piqa"):
        read_items(Data(bank(QUIZ), format=Format.PIQA))
    with pytest.raises(ConfigError, match=r"bank\.jsonl line 2: answerKey must be one of A, B"):
        read_items(Data(bank(QUIZ, QUIZ | {"id": "w-2", "answerKey": "C"})))


def test_a_choice_of_a_public_bank_must_leave_one(bank):
    alone = QUIZ | {"choices": {"text": ["a cork"] * 2, "label": ["A", "B"]}}
    with pytest.raises(ConfigError, match=r"bank\.jsonl line 1: choices must be two texts or more"):
        read_items(Data(bank(alone)))


def test_likelihoods_are_compared_as_the_data_or_the_row_say(bank):
    path = bank(CHOICE, CHOICE | {"id": "b", "normalize": "byte"}, GOOD | {"id": "c"})
    found = read_items(Data(path, normalize=Normalize.TOKEN))
    assert [it.normalize for it in found] == [Normalize.TOKEN, Normalize.BYTE, Normalize.BYTE]
    assert read_items(Data(bank(QUIZ), normalize=Normalize.NONE))[0].normalize is Normalize.NONE


def test_choices_are_asked_as_the_data_say_whoever_wrote_them(bank):
    for row in (QUIZ, CHOICE):
        [letter] = read_items(Data(bank(row), ask=Ask.LETTER))
        [text] = read_items(Data(bank(row), ask=Ask.TEXT))
        assert letter.messages == text.messages
        assert letter.messages[-1][1].endswith("\nAnswer:")
        assert (letter.choices, text.scorer) == (("A", "B"), Scorer.LISTED)


def test_what_is_said_of_choices_is_refused_where_there_are_none(bank):
    with pytest.raises(ConfigError, match=r"\[data\] ask is for .* 'choice': bank\.jsonl has none"):
        read_items(Data(bank(SUM), ask=Ask.LETTER))
    with pytest.raises(ConfigError, match=r"\[data\] normalize is for items of the scorer"):
        read_items(Data(bank(GOOD), normalize=Normalize.NONE))


def test_examples_come_before_each_question_in_their_order(bank):
    shots = bank(SUM, SUM | {"question": "And 1?", "answer": "#### 1"}, name="train.jsonl")
    asked = SUM | {"question": "What is 2 and 2?", "answer": "#### 4"}
    [item] = read_items(Data(bank(asked), shots=2, shots_from=shots, system="Count."))
    assert item.messages == (
        ("system", "Count."),
        ("user", "Question: What is 5 and 7?\nAnswer:"),
        ("assistant", SUM["answer"]),
        ("user", "Question: And 1?\nAnswer:"),
        ("assistant", "#### 1"),
        ("user", "Question: What is 2 and 2?\nAnswer:"),
    )
    [one] = read_items(Data(bank(asked), shots=1, shots_from=shots))
    assert len(one.messages) == 3


def test_an_example_is_asked_as_the_items_are(bank):
    shots = bank(CHOICE | {"prompt": "Greet"}, name="train.jsonl")
    [item] = read_items(Data(bank(QUIZ), ask=Ask.LETTER, shots=1, shots_from=shots))
    assert item.messages[:2] == (
        ("user", "Greet\nA. Hello\nB. Bye\nAnswer:"),
        ("assistant", "A"),
    )


def test_a_held_out_question_is_no_example(bank):
    same = {"prompt": "which of these FLOATS", "id": "x", "expected": "a cork"}
    shots = bank(SUM | {"question": "What is 1?"}, same, name="train.jsonl")
    with pytest.raises(ConfigError, match=r"train\.jsonl line 2 is not of the format gsm8k"):
        read_items(Data(bank(QUIZ), shots=2, shots_from=shots))
    shots = bank(same, name="train.jsonl")
    with pytest.raises(ConfigError, match=r"of train\.jsonl x asks what item w-1 does"):
        read_items(Data(bank(QUIZ), shots=1, shots_from=shots))


def test_so_many_examples_must_be_there(bank):
    with pytest.raises(ConfigError, match=r"at most the rows of train\.jsonl, 1: found 2"):
        read_items(Data(bank(QUIZ), shots=2, shots_from=bank(SUM, name="train.jsonl")))


def test_items_as_they_are_written_have_nothing_added(bank):
    shots = bank(SUM, name="train.jsonl")
    data = Data(bank(QUIZ), ask=Ask.TEXT, shots=1, shots_from=shots, system="Be brief.")
    assert read_items(data.as_written) == read_items(Data(bank(QUIZ)))


def test_every_row_that_is_wrong_is_told_at_once(read):
    with pytest.raises(ConfigError) as raised:
        read(GOOD, GOOD | {"max_new_tokens": 0}, GOOD | {"id": "b", "scorer": "exakt"})
    first, second = str(raised.value).splitlines()
    assert first.startswith("items.jsonl line 2: max_new_tokens must be at least 1")
    assert second.startswith("items.jsonl line 3: scorer: 'exakt' is not accepted")


def test_likelihoods_of_a_public_bank_are_compared_as_it_is_known_for(bank):
    passage = {"question": "is it", "passage": "It is.", "answer": True}
    assert read_items(Data(bank(passage)))[0].normalize is Normalize.NONE
    assert read_items(Data(bank(QUIZ)))[0].normalize is Normalize.CHARACTER
    assert read_items(Data(bank(CHOICE)))[0].normalize is Normalize.BYTE


def test_a_base_model_gets_examples_in_the_same_text(bank):
    shots = bank(SUM, name="train.jsonl")
    asked = SUM | {"question": "What is 2 and 2?", "answer": "#### 4"}
    [item] = read_items(Data(bank(asked), shots=1, shots_from=shots), is_chat=False)
    [(role, text)] = item.messages
    assert (role, text) == (
        "user",
        f"Question: What is 5 and 7?\nAnswer: {SUM['answer']}\n\n"
        "Question: What is 2 and 2?\nAnswer:",
    )


def test_the_same_goal_with_other_choices_may_be_an_example(bank):
    ways = {"goal": "Make oatmeal.", "sol1": "a", "sol2": "b", "label": 0}
    shots = bank(ways | {"sol1": "c", "sol2": "d"}, name="train.jsonl")
    [item] = read_items(Data(bank(ways), shots=1, shots_from=shots))
    assert len(item.messages) == 3
    with pytest.raises(ConfigError, match="hold no held-out question"):
        read_items(Data(bank(ways), shots=1, shots_from=bank(ways, name="train.jsonl")))


def test_the_commonest_answer_of_a_slice_is_a_guess(read):
    rows = [GOOD | {"id": f"r{n}", "expected": "yes" if n % 4 else "no"} for n in range(40)]
    assert {item.chance_level for item in read(*rows)} == {0.75}
