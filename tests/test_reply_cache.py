import json

import numpy as np
import pytest

from harness.answer import Answer, Finish
from harness.item import Item, Scorer
from harness.reply import Reply
from harness.reply_cache import ReplyCache, ingredients

ITEMS = tuple(Item(f"i{n}", (("user", f"question {n}"),), "x") for n in range(8))
CHOICE = Item("c", (("user", "?"),), "a", scorer=Scorer.CHOICE, choices=("a", "b"))
MADE_OF = {"variant": "sha256:1", "environment": "here"}


class Model:
    """Answers, and remembers what it was asked."""

    def __init__(self, accent=""):
        self.asked = []
        self.accent = accent

    def __call__(self, items):
        self.asked += [item.id for item in items]
        return [self.reply(item) for item in items]

    def reply(self, item):
        if item.choices:
            return Reply(likelihoods=(-0.5, -1.25), choice_tokens=(2, 3))
        return Reply(
            Answer(
                prompt_ids=(1, 2),
                token_ids=(3, 4),
                text=f"to {item.messages[-1][1]}{self.accent} \ud83d",
                finish=Finish.LENGTH,
                token_ns=np.array([5, 6]),
                started_ns=7,
                prompt_tokens=2,
            )
        )


def asked(root, items=ITEMS, made_of=MADE_OF, accent=""):
    """What a new session gets, and what it asked of the model for it."""
    model = Model(accent)
    return ReplyCache(root, made_of).replies(items, model), model.asked


def test_what_was_replied_is_not_asked_again_but_for_a_sample(tmp_path):
    first, all_of_them = asked(tmp_path)
    assert all_of_them == [item.id for item in ITEMS]
    again, sample = asked(tmp_path)
    assert sample == ["i0", "i1", "i2"]
    for one, other in zip(first, again, strict=True):
        assert (one.answer.text, one.answer.token_ids) == (other.answer.text, (3, 4))
        assert (other.answer.prompt_ids, other.answer.finish) == ((1, 2), Finish.LENGTH)
    assert len(again[5].answer.token_ns) == 0


def test_items_come_in_the_order_they_are_wanted_and_new_ones_are_asked(tmp_path):
    asked(tmp_path, ITEMS[:4])
    replies, new = asked(tmp_path, ITEMS[::-1])
    assert [it.answer.text[:13] for it in replies] == [f"to question {n}" for n in range(7, -1, -1)]
    assert set(new) == {"i3", "i2", "i1", "i7", "i6", "i5", "i4"}


def test_another_bank_takes_nothing_away(tmp_path):
    asked(tmp_path, ITEMS[:4])
    asked(tmp_path, ITEMS[4:])
    _, new = asked(tmp_path, ITEMS)
    assert new == ["i0", "i1", "i2", "i4", "i5", "i6"]  # of each session


def test_a_sample_vouches_for_no_other_session(tmp_path):
    asked(tmp_path, ITEMS[:4], accent="!")
    asked(tmp_path, ITEMS[4:])
    replies, new = asked(tmp_path, ITEMS)
    assert new == ["i0", "i1", "i2", "i4", "i5", "i6", "i3"]
    assert not any("!" in reply.answer.text for reply in replies)


def test_what_was_asked_before_an_interruption_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.reply_cache._FIRST", 2)
    monkeypatch.setattr("harness.reply_cache._KEPT_SECONDS", 0.0)
    model = Model()

    def interrupted(items):
        if items[0].id == "i6":
            raise KeyboardInterrupt
        return model(items)

    with pytest.raises(KeyboardInterrupt):
        ReplyCache(tmp_path, MADE_OF).replies(ITEMS, interrupted)
    _, new = asked(tmp_path)
    assert new == ["i0", "i1", "i2", "i6", "i7"]


def test_likelihoods_of_choices_are_kept(tmp_path):
    asked(tmp_path, (*ITEMS, CHOICE))
    replies, new = asked(tmp_path, (*ITEMS, CHOICE))
    assert (replies[-1].likelihoods, replies[-1].choice_tokens) == ((-0.5, -1.25), (2, 3))
    assert "c" not in new


@pytest.mark.parametrize("key", MADE_OF)
def test_another_variant_or_place_is_another_cache(tmp_path, key):
    asked(tmp_path)
    _, new = asked(tmp_path, made_of={**MADE_OF, key: "other"})
    assert len(new) == len(ITEMS)


def test_an_item_that_was_edited_is_asked(tmp_path):
    asked(tmp_path)
    edited = Item("i7", ITEMS[7].messages, "x", max_new_tokens=8)
    assert "i7" in asked(tmp_path, (*ITEMS[:7], edited))[1]


def test_nothing_is_served_where_the_sample_is_answered_otherwise(tmp_path):
    asked(tmp_path)
    replies, new = asked(tmp_path, accent="!")
    assert set(new) == {item.id for item in ITEMS}
    assert all("!" in it.answer.text for it in replies)
    assert asked(tmp_path, accent="!")[1] == ["i0", "i1", "i2"]


def _cut(text):
    return text[: len(text) // 2]


def _forged(text):
    record = json.loads(text)
    for plain in list(record["replies"].values())[3:]:  # those that no sample shows
        plain["answer"]["text"] = "forged"
    return json.dumps(record)


@pytest.mark.parametrize("damage", [_cut, _forged, lambda _: "[]", lambda _: ""])
def test_a_damaged_file_is_no_cache(tmp_path, damage):
    asked(tmp_path)
    [path] = tmp_path.iterdir()
    path.write_text(damage(path.read_text()))
    replies, new = asked(tmp_path)
    assert len(new) == len(ITEMS)
    assert "question 5" in replies[5].answer.text


def test_a_place_that_cannot_be_written_costs_no_reply(tmp_path):
    (tmp_path / "file").write_text("")
    replies, _ = asked(tmp_path / "file" / "replies")
    assert len(replies) == len(ITEMS)


def test_what_decides_a_reply_is_in_the_key(tmp_path, monkeypatch):
    (tmp_path / "own_runtime.py").write_text("Runtime = 1")
    monkeypatch.syspath_prepend(tmp_path)
    one = ingredients("sha256:1", "own_runtime:Runtime", "here")
    assert one == ingredients("sha256:1", "own_runtime:Runtime", "here")
    others = [
        ingredients("sha256:2", "own_runtime:Runtime", "here"),
        ingredients("sha256:1", "own_runtime:Other", "here"),
        ingredients("sha256:1", "own_runtime:Runtime", "there"),
        ingredients("sha256:1", "own_runtime:Runtime", "here", is_chat=False),
    ]
    (tmp_path / "own_runtime.py").write_text("Runtime = 2")
    others.append(ingredients("sha256:1", "own_runtime:Runtime", "here"))
    assert all(it != one for it in others)
