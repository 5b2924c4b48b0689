from harness.guesses import guesses, with_guesses
from harness.item import Item, Scorer


def items(*answers, **fields):
    return [Item(f"q{n}", (("user", f"{n}?"),), it, **fields) for n, it in enumerate(answers)]


def chances(found):
    return {item.chance_level for item in with_guesses(found)}


def test_the_commonest_answer_of_a_slice_is_a_guess():
    labels = items(*["true"] * 15, *["false"] * 10, slice="boolq")
    other = items(*map(str, range(100)), slice="airports")
    assert list(guesses([*labels, *other])) == [("boolq", "true", 0.6)]
    found = with_guesses([*labels, *other])
    assert [item.chance_level for item in found] == [0.6] * 25 + [0.0] * 100


def test_yes_and_no_as_choices_are_guessed_as_well_as_labels():
    offered = {"scorer": Scorer.CHOICE, "choices": ("no", "yes")}
    assert chances(items(*["yes"] * 36, *["no"] * 14, **offered)) == {0.72}


def test_one_letter_of_four_is_right_a_little_more_often_by_luck():
    letters = {"scorer": Scorer.CHOICE, "choices": tuple("ABCD")}
    assert chances(items(*"A" * 34, *"B" * 22, *"C" * 22, *"D" * 22, **letters)) == {0.25}
    assert chances(items(*"A" * 40, *"B" * 20, *"C" * 20, *"D" * 20, **letters)) == {0.4}


def test_an_answer_that_few_items_share_is_an_answer_like_others():
    assert chances(items(*["true"] * 19, *map(str, range(81)))) == {0.0}
    assert chances(items(*["true"] * 15, *["false"] * 4)) == {0.0}


def test_one_answer_to_all_is_no_guess():
    assert chances(items(*["Sorry."] * 50)) == {0.0}
    assert chances(items(*["harmless"] * 95, *["harmful"] * 5)) == {0.0}


def test_a_chance_that_is_stated_stays():
    assert chances(items(*["true"] * 15, *["false"] * 10, chance=0.5)) == {0.5}


def test_what_an_item_does_not_offer_is_no_guess_at_it():
    pairs = items(*["a"] * 32, scorer=Scorer.CHOICE, choices=("a", "b"))
    pairs += items(*["c"] * 8, scorer=Scorer.CHOICE, choices=("c", "d"))
    assert [item.chance_level for item in with_guesses(pairs)] == [0.8] * 32 + [0.5] * 8
