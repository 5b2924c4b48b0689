"""The release of a real model: its bank is one that the gate can judge by."""

from collections import Counter
from pathlib import Path

from harness.data_check import duplicates
from harness.data_need import too_few, unmet
from harness.domain import read_items
from harness.item import Scorer
from harness.policy import Unseen
from harness.release import Data
from harness.store import read_policy

FIXTURES = Path(__file__).parents[1] / "fixtures"
ITEMS = read_items(Data(FIXTURES / "smollm2" / "eval.jsonl"))
POLICY = read_policy(FIXTURES / "policies" / "gate.toml")


def test_the_bank_has_five_slices_of_choices_and_of_generated_answers():
    assert len(ITEMS) >= 600
    sizes = Counter(item.slice for item in ITEMS)
    assert len(sizes) == 5
    assert min(sizes.values()) >= 130
    assert {item.scorer for item in ITEMS} == {Scorer.CHOICE, Scorer.CONTAINS}


def test_nothing_is_asked_twice_and_there_is_enough_of_everything():
    assert duplicates(ITEMS) == []
    assert too_few(ITEMS, POLICY) == []
    assert unmet(ITEMS, POLICY, Unseen.INCONCLUSIVE) == []
