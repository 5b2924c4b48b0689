import pytest

from harness.asking import Normalize
from harness.banks.entry import LEAST_IN_SLICE, read_entries
from harness.banks.gsm8k import GSM8K
from harness.banks.hellaswag import HELLASWAG
from harness.banks.lambada import LAMBADA
from harness.errors import ConfigError
from harness.item import Scorer
from tests.banks.test_dialects import PASSAGE, PROBLEM, SCENE


def rows(row, count=1, **fields):
    return [(f"x line {n}", row | fields) for n in range(1, count + 1)]


def test_an_item_is_called_by_its_id_or_by_where_it_stands():
    found = read_entries(HELLASWAG, [*rows(SCENE), *rows(SCENE, id="h-7"), *rows(SCENE, id=7)])
    assert [it.item.id for it in found] == ["x line 1", "h-7", "x line 1"]


def test_a_choice_is_right_by_chance_and_its_right_answer_is_shown():
    [entry] = read_entries(HELLASWAG, rows(SCENE), Normalize.NONE)
    item = entry.item
    assert (item.scorer, item.chance_level, item.normalize) == (Scorer.CHOICE, 0.25, Normalize.NONE)
    assert item.messages == (("user", HELLASWAG.prompt(SCENE)),)
    assert entry.shown == item.expected == "lets it rise for an hour."
    [usual] = read_entries(HELLASWAG, rows(SCENE))
    assert usual.item.normalize is Normalize.CHARACTER


def test_a_base_model_goes_on_with_a_passage_without_being_told_to():
    [chat], [plain] = (read_entries(LAMBADA, rows(PASSAGE), is_chat=it) for it in (True, False))
    assert plain.item.messages[0][1] == PASSAGE["text"].removesuffix(" scarf")
    assert chat.item.messages[0][1].endswith(plain.item.messages[0][1])
    [asked] = read_entries(GSM8K, rows(PROBLEM), is_chat=False)
    assert asked.item.messages[0][1] == GSM8K.prompt(PROBLEM)


def test_what_is_generated_is_shown_as_it_is_written():
    [sum_, word] = [*read_entries(GSM8K, rows(PROBLEM)), *read_entries(LAMBADA, rows(PASSAGE))]
    assert (sum_.shown, sum_.item.expected) == (PROBLEM["answer"], "72")
    assert (word.shown, word.item.chance_level) == ("scarf", 0.0)


def test_slices_are_the_rows_kinds_and_small_ones_are_one():
    large, small = LEAST_IN_SLICE, LEAST_IN_SLICE - 1
    taken = rows(SCENE, large) + rows(SCENE, small, activity_label="Rowing")
    taken += rows(SCENE, 2, activity_label="Sewing")
    found = [it.item.slice for it in read_entries(HELLASWAG, taken)]
    assert found == ["Baking bread"] * large + ["other"] * (small + 2)
    assert {it.item.slice for it in read_entries(HELLASWAG, taken[large:])} == {"all"}
    assert {
        it.item.slice for it in read_entries(GSM8K, rows(PROBLEM, large, category="money"))
    } == {"money"}


def test_a_row_that_makes_no_item_is_named_by_where_it_stands():
    with pytest.raises(ConfigError, match="x line 1: label must say which choice is right"):
        read_entries(HELLASWAG, rows(SCENE, label="x"))
    with pytest.raises(ConfigError, match="x line 1 is not of the format hellaswag, which needs"):
        read_entries(HELLASWAG, rows(PROBLEM))
