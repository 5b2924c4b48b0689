import pytest

from harness.answer import Answer
from harness.data_need import Need
from harness.item import Item, Scorer
from harness.metrics.quality import Grade
from harness.reply import Reply
from harness.trial import CHUNK, Marked, ask_until, flips, fresh_items, mark, missing_items, outlook

BANK = tuple(Item(f"i{n}", (("user", f"q{n}"),), "yes", slice="ab"[n % 2]) for n in range(200))


def marked(item, mine, theirs):
    """An item with scores that were given."""
    said = Reply(Answer(text="mine", token_ids=(1, 2, 3)))
    return Marked(item, said, Reply(Answer(text="theirs")), Grade(mine), Grade(theirs))


def sit(is_over, least, most, chunks):
    def ask(start, stop):
        chunks.append((start, stop))
        return [marked(item, 1.0, 1.0) for item in BANK[start:stop]]

    return ask_until(ask, is_over, least, most)


@pytest.mark.parametrize(
    ("over_at", "least", "most", "asked"),
    [(0, 30, 200, 30), (31, 30, 200, 30 + CHUNK), (1000, 30, 95, 95), (0, 300, 200, 200)],
)
def test_items_are_asked_until_it_is_over_or_the_bank_ends(over_at, least, most, asked):
    chunks = []
    found = sit(lambda so_far: len(so_far) >= over_at, least, most, chunks)
    assert [it.item for it in found] == list(BANK[:asked])
    assert chunks[0] == (0, min(least, most))
    assert [start for start, _ in chunks[1:]] == [stop for _, stop in chunks[:-1]]


def test_a_slice_that_looks_worse_is_asked_as_many_items_again():
    losing = [marked(item, float(item.slice != "a"), 1.0) for item in BANK[:40]]
    fresh = fresh_items(losing, BANK[40:])
    assert len(fresh) == 20
    assert {item.slice for item in fresh} == {"a"}
    assert not {it.item for it in losing} & set(fresh)
    assert len(fresh_items(losing, BANK[40:60])) == 10


def test_nobody_is_asked_again_where_nothing_was_lost():
    same = [marked(item, 1.0, 1.0) for item in BANK[:40]]
    assert fresh_items(same, BANK[40:]) == []


def test_a_flip_has_both_answers_and_losses_come_first():
    won, lost = marked(BANK[0], 1.0, 0.0), marked(BANK[1], 0.0, 1.0)
    found = flips("int4", [won, marked(BANK[2], 1.0, 1.0), lost])
    assert [(it.item, it.is_loss) for it in found] == [("i1", True), ("i0", False)]
    it = found[0]
    assert (it.variant, it.slice, it.prompt, it.expected) == ("int4", "b", "q1", "yes")
    assert (it.answer, it.reference_answer, it.score, it.reference_score) == (
        "mine",
        "theirs",
        0.0,
        1.0,
    )


def test_a_graded_answer_flips_when_its_score_changes_by_half():
    marks = [marked(BANK[0], 0.4, 0.9), marked(BANK[1], 0.5, 0.9)]
    assert [it.item for it in flips("int4", marks)] == ["i0"]


def test_of_choices_the_likeliest_is_the_answer():
    item = Item("c", (("user", "?"),), "a", scorer=Scorer.CHOICE, choices=("a", "b"))
    it = mark(item, Reply(likelihoods=(-2.0, -1.0)), Reply(likelihoods=(-1.0, -2.0)))
    [flip] = flips("int4", [it])
    assert (flip.answer, flip.reference_answer) == ("b", "a")


def test_of_choices_the_likeliest_is_as_the_scorer_has_it():
    item = Item("c", (("user", "?"),), "a", scorer=Scorer.CHOICE, choices=("a", "a long one"))
    it = mark(item, Reply(likelihoods=(-1.0, -2.0)), Reply(likelihoods=(-1.0, -20.0)))
    [flip] = flips("int4", [it])
    assert (flip.answer, flip.reference_answer) == ("a long one", "a")


def test_the_outlook_says_what_was_spared_and_what_drop_can_be_seen():
    marks = [
        marked(item, float(n not in (3, 50, 77)), float(n != 9)) for n, item in enumerate(BANK)
    ]
    assert outlook("int4", marks[:120], 1240) == (
        "accuracy of int4: asked 120 of 1,240 items, about 3,400 generated tokens not spent; with "
        "120 items only drops over 6.3 points can be seen, 420 would show 3"
    )
    assert "tokens" not in outlook("int4", marks, 200)


def test_where_nothing_changed_the_outlook_is_not_boundless():
    marks = [marked(item, 1.0, 1.0) for item in BANK]
    assert "only drops over 2.4 points can be seen" in outlook("int4", marks, 200)


def test_more_items_are_asked_until_every_need_is_met():
    asked, rest = BANK[:40], BANK[40:]
    found = missing_items(asked, rest, [Need("r", 50, "a"), Need("r", 25, "b")])
    assert [it.slice for it in found].count("a") == 30
    assert [it.slice for it in found].count("b") == 5
    assert [it for it in rest if it in found] == found


def test_items_of_one_need_serve_the_others_too():
    needs = [Need("r", 50, "a"), Need("r", 75)]
    found = missing_items(BANK[:40], BANK[40:], needs)
    assert len(found) == 35
    assert missing_items(BANK[:80], BANK[80:], needs[1:]) == []


def test_no_more_is_asked_than_the_bank_has():
    assert len(missing_items(BANK[:40], BANK[40:], [Need("r", 500, "a")])) == 80
    assert missing_items(BANK[:40], BANK[40:], [Need("r", 50, has_format=True)]) == []
