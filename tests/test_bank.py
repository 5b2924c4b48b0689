from dataclasses import replace

from harness.answer import Request
from harness.bank import across_slices, order_of, question, shuffled, some_of_every_slice
from harness.item import Item, Scorer

ITEMS = tuple(
    Item(f"item-{n}", (("user", f"question {n}"),), "x", slice="ab"[n % 2]) for n in range(12)
)


def test_the_order_of_items_is_random_but_its_seeds_alone():
    first, again, other = shuffled(ITEMS, 1), shuffled(ITEMS[::-1], 1), shuffled(ITEMS, 2)
    assert first == again
    assert first != other
    assert sorted(it.id for it in first) == sorted(it.id for it in ITEMS)


def test_a_chat_that_is_asked_twice_counts_once():
    twins = tuple(replace(item, id=f"{item.id}-again") for item in ITEMS)
    assert shuffled(ITEMS + twins, 1) == shuffled(ITEMS, 1)


def test_one_question_with_other_choices_is_another_one():
    goal = (("user", "To boil an egg,"),)
    items = [
        Item(name, goal, choices[0], scorer=Scorer.CHOICE, choices=choices)
        for name, choices in {"a": (" boil it", " fry it"), "b": (" heat water", " wait")}.items()
    ]
    assert len(shuffled(items, 1)) == 2
    turned = replace(items[0], id="c", choices=items[0].choices[::-1])
    assert len(shuffled([*items, turned], 1)) == 2


def test_a_question_is_the_items_chat():
    assert question(ITEMS[0]) == Request(messages=ITEMS[0].messages, max_new_tokens=64, fresh=False)


def test_every_slice_has_its_part():
    assert [it.id for it in some_of_every_slice(ITEMS, 2)] == [
        "item-0",
        "item-2",
        "item-1",
        "item-3",
    ]


def test_the_order_is_the_banks_and_the_references_and_nobodys_choice():
    one = order_of(ITEMS, "sha256:1")
    assert one == order_of(ITEMS[::-1], "sha256:1")
    assert one != order_of(ITEMS, "sha256:2")
    assert one != order_of(ITEMS[1:], "sha256:1")


def test_items_are_taken_from_slices_in_turns():
    uneven = (*ITEMS[:8:2], ITEMS[1])
    assert [it.id for it in across_slices(uneven, 4)] == ["item-0", "item-1", "item-2", "item-4"]
    assert len(across_slices(uneven, 99)) == 5
