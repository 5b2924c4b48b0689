from pathlib import Path

from harness.asking import Ask, Normalize
from harness.banks.remark import remarks
from harness.release import Data

BANK = Path("banks") / "quiz.jsonl"


def test_the_usual_way_to_ask_is_not_told():
    assert remarks(Data(BANK, floor=0.5)) == ()


def test_another_way_to_ask_is_told_in_one_sentence():
    assert remarks(Data(BANK, ask=Ask.TEXT, system="Be brief.")) == (
        "quiz.jsonl was asked with choices listed and answered by text, "
        "the system message 'Be brief.'",
    )
    shots = {"shots": 5, "shots_from": Path("banks") / "train.jsonl"}
    assert remarks(Data(BANK, normalize=Normalize.NONE, **shots)) == (
        "quiz.jsonl was asked with likelihoods compared as they are, 5 examples of train.jsonl "
        "before each item",
    )
    assert "per token" in remarks(Data(BANK, normalize=Normalize.TOKEN))[0]
