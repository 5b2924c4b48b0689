from dataclasses import replace
from pathlib import Path

from harness.asking import Ask, Normalize
from harness.banks.remark import remarks
from harness.guesses import with_guesses
from harness.item import Item
from harness.release import Data

BANK = Path("banks") / "quiz.jsonl"


def test_the_usual_way_to_ask_is_not_told():
    assert remarks(Data(BANK, floor=0.5), ()) == ()


def test_another_way_to_ask_is_told_in_one_sentence():
    assert remarks(Data(BANK, ask=Ask.TEXT, system="Be brief."), ()) == (
        "quiz.jsonl was asked with choices listed and answered by text, "
        "the system message 'Be brief.'",
    )
    shots = {"shots": 5, "shots_from": Path("banks") / "train.jsonl"}
    assert remarks(Data(BANK, normalize=Normalize.NONE, **shots), ()) == (
        "quiz.jsonl was asked with likelihoods compared as they are, 5 examples of train.jsonl "
        "before each item",
    )
    assert "per token" in remarks(Data(BANK, normalize=Normalize.TOKEN), ())[0]


def test_items_that_are_there_again_are_told():
    asked = {
        "a": ("Where?", "US"),
        "b": ("Where?", "USA"),
        "c": ("where", "US"),
        "d": ("Who?", "I"),
    }
    items = [
        Item(name, (("user", question),), answer) for name, (question, answer) in asked.items()
    ]
    again = Item("e", (("user", "Who?"),), "I")
    assert remarks(Data(BANK), [*items, again])[1:2] == (
        "quiz.jsonl: 2 items ask what others ask; one of each is asked",
    )
    assert remarks(Data(BANK), items) == (
        "quiz.jsonl: 2 items ask what others ask and expect other answers; one of each is asked, "
        "and the answers of the rest are taken for wrong",
        "quiz.jsonl: 2 items ask nearly what others ask, and count as if they did not",
    )


def test_an_answer_that_could_be_guessed_is_told():
    items = [
        Item(f"q{n}", (("user", f"{n}?"),), "yes" if n % 4 else "no", slice="boolq")
        for n in range(40)
    ]
    assert remarks(Data(BANK), [replace(it, chance=0.5) for it in items]) == ()
    assert remarks(Data(BANK), with_guesses(items)) == (
        "quiz.jsonl: 'yes' is the answer to 75 % of boolq, and to know the domain is to be right "
        "more often",
    )
