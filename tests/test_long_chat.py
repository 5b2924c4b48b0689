import pytest

from harness.item import Item
from harness.long_chat import PLACES, long_chats

ITEMS = [Item(f"i{n}", (("user", f"question {n}"),), f"answer {n}") for n in range(9)]


def words(chat):
    return sum(len(text.split()) for _, text in chat)


def test_there_is_a_chat_within_the_longest_and_one_just_over_every_other_place_below():
    found = long_chats(ITEMS, [32, 64, 128, 255, 256, 257, 600], words)
    lengths = [it.tokens for it in found]
    assert [words(it.messages) for it in found] == lengths
    assert [128 <= lengths[0] < 132, 556 < lengths[1] <= 560] == [True] * 2


def test_each_place_has_another_fact_and_all_else_is_the_same():
    [chat] = long_chats(ITEMS, [200], words)
    assert set(chat.exchanged) == set(PLACES)
    turns = len(chat.messages) // 2
    for place, number in zip(PLACES, (0, turns // 2, turns - 1), strict=True):
        other = chat.exchanged[place]
        pairs = enumerate(zip(chat.messages, other, strict=True))
        assert {n // 2 for n, (a, b) in pairs if a != b} == {number}


def test_a_chat_alternates_and_ends_with_a_question():
    [chat] = long_chats(ITEMS, [200], words)
    roles = [role for role, _ in chat.messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]


def test_a_model_without_chats_reads_the_same_facts_as_lines_of_one_text():
    [chat] = long_chats(ITEMS, [200], words)
    text = chat.as_text
    [(role, content)] = text.messages
    assert role == "user"
    assert content.split("\n") == [said for _, said in chat.messages]
    assert (text.tokens, set(text.exchanged)) == (chat.tokens, set(PLACES))
    assert all(len(it) == 1 and it != text.messages for it in text.exchanged.values())


def test_where_the_banks_first_do_not_fit_its_shortest_are_taken():
    long = [Item(f"l{n}", (("user", f"{n} " + "word " * 90),), "x") for n in range(4)]
    [chat] = long_chats([*long, *ITEMS], [200], words)
    assert 100 < chat.tokens <= 160


def test_another_fact_fits_however_many_tokens_it_has():
    def count(chat):  # one fact has many for its characters
        return words(chat) + 150 * any("answer 3" in text for _, text in chat)

    items = [it for it in ITEMS if it.id != "i3"]
    [chat] = long_chats([*items, ITEMS[3]], [120], count)
    assert all(count(it) <= 120 for it in chat.exchanged.values())


@pytest.mark.parametrize(("items", "rungs"), [(ITEMS, []), (ITEMS, [32, 64]), (ITEMS[:3], [600])])
def test_without_room_or_facts_there_is_none(items, rungs):
    assert long_chats(items, rungs, words) == ()
