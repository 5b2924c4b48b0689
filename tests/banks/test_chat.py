from dataclasses import replace

import pytest

from harness.asking import Ask, Normalize
from harness.banks.chat import asked, in_chat, in_text
from harness.banks.entry import Entry
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.quality import require_decidable

CHOICES = ("a nail", "a cork", "a coin")
ITEM = Item(
    "w",
    (("user", "Question: What floats?\nAnswer:"),),
    "a cork",
    scorer=Scorer.CHOICE,
    choices=CHOICES,
    normalize=Normalize.NONE,
)
LISTED = "Question: What floats?\nA. a nail\nB. a cork\nC. a coin\nAnswer:"


def entry(item=ITEM, shown="a cork"):
    return Entry(item, shown)


def test_by_likelihood_the_choices_are_not_listed():
    assert asked(entry(), Ask.LIKELIHOOD) == entry()


def test_by_letter_the_choices_are_listed_and_the_letters_compared():
    found = asked(entry(), Ask.LETTER)
    item = found.item
    assert item.messages == (("user", LISTED),)
    assert (item.choices, item.expected, found.shown) == (("A", "B", "C"), "B", "B")
    assert (item.scorer, item.chance_level) == (Scorer.CHOICE, ITEM.chance_level)
    assert item.normalize is Normalize.NONE
    require_decidable(item)


def test_by_text_the_choices_are_listed_and_the_answer_names_one():
    found = asked(entry(), Ask.TEXT)
    item = found.item
    assert item.messages == (("user", LISTED),)
    assert (item.scorer, item.choices, item.expected) == (Scorer.LISTED, CHOICES, "a cork")
    assert (found.shown, item.chance_level) == ("B. a cork", ITEM.chance_level)
    require_decidable(item)


def test_an_answer_that_names_a_choice_has_room():
    rooms = {
        tokens: asked(entry(replace(ITEM, max_new_tokens=tokens)), Ask.TEXT).item.max_new_tokens
        for tokens in (1, 64, 200)
    }
    assert rooms == {1: 64, 64: 64, 200: 200}


def test_what_ends_otherwise_is_asked_for_an_answer_too():
    item = Item(
        "w",
        (("user", "One?"), ("assistant", "Yes"), ("user", "And now?")),
        "x",
        scorer=Scorer.CHOICE,
        choices=("x", "y"),
    )
    found = asked(entry(item, "x"), Ask.LETTER).item
    assert found.messages == (*item.messages[:2], ("user", "And now?\nA. x\nB. y\nAnswer:"))


def test_what_has_no_choices_is_asked_as_it_stands():
    free = entry(Item("f", (("user", "?"),), "yes"))
    assert all(asked(free, it) == free for it in Ask)


def test_more_choices_than_letters_cannot_be_listed():
    many = Item(
        "m", (("user", "?"),), "3", scorer=Scorer.CHOICE, choices=tuple(map(str, range(27)))
    )
    with pytest.raises(ConfigError, match="item m: of 27 choices not each has a letter"):
        asked(entry(many), Ask.LETTER)


def test_a_base_model_that_names_a_choice_ends_with_its_line():
    assert asked(entry(), Ask.TEXT, is_chat=False).item.until == ("\n",)
    assert asked(entry(), Ask.TEXT).item.until == ()
    assert asked(entry(), Ask.LETTER, is_chat=False).item.until == ()


OWN = Item("o", (("system", "Be brief."), ("user", "And 2 + 2?")), "4")


@pytest.mark.parametrize("after", [in_chat, in_text])
def test_a_pattern_is_no_answer_to_show(after):
    pattern = Item("p", (("user", "?"),), r"^\d", scorer=Scorer.REGEX)
    with pytest.raises(ConfigError, match=r"shots: p has no answer .* its scorer is regex"):
        after(ITEM, [entry(pattern, "")], "")


def test_in_a_chat_a_system_message_comes_first_and_then_examples_as_turns():
    found = in_chat(ITEM, [entry(OWN, "4")], "Answer.")
    turns = (("user", "And 2 + 2?"), ("assistant", "4"))
    assert found.messages == (("system", "Answer."), *turns, *ITEM.messages)
    assert in_chat(ITEM, [], "") == ITEM
    assert in_chat(OWN, [entry()], "").messages == (
        ("system", "Be brief."),
        ("user", "Question: What floats?\nAnswer:"),
        ("assistant", "a cork"),
        ("user", "And 2 + 2?"),
    )
    with pytest.raises(ConfigError, match="item o has a system message of its own"):
        in_chat(OWN, [], "Answer.")


def test_a_base_model_is_asked_all_of_it_as_one_text():
    found = in_text(ITEM, [entry(), entry(OWN, "4")], "Answer.")
    assert found.messages == (
        (
            "user",
            "Answer.\n\nQuestion: What floats?\nAnswer: a cork\n\nAnd 2 + 2? 4\n\n"
            "Question: What floats?\nAnswer:",
        ),
    )
    assert in_text(ITEM, [], "") == ITEM
    assert in_text(OWN, [entry()], "") == OWN  # a chat, which is refused as one
    chat = Item("t", (("user", "1?"), ("assistant", "1"), ("user", "2?")), "2")
    with pytest.raises(ConfigError, match="shots: t is a chat of several turns"):
        in_text(ITEM, [entry(chat, "2")], "")


def test_after_examples_a_base_models_answer_ends_where_the_next_would_begin():
    free = Item("f", (("user", "And 1 + 1?"),), "2")
    assert in_text(free, [entry()], "").until == ("\n\n",)
    assert in_text(free, [], "Answer.").until == ()
    assert in_text(replace(free, until=("\nQuestion:",)), [entry()], "").until == ("\nQuestion:",)
    assert in_text(ITEM, [entry()], "").until == ()
