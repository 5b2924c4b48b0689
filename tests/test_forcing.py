import numpy as np
import pytest

from harness.answer import Answer, Finish
from harness.bank import question
from harness.errors import InfrastructureError, RequestError
from harness.exam import replies
from harness.fleet import Fleet
from harness.forcing import Passage, Readers, own_and_expected, read, windows
from harness.item import Item, Scorer
from harness.release import Precision, Role
from harness.reply import Reply
from harness.variant import Recipe, Variant

ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "an answer") for n in range(4))


@pytest.fixture
def fleet(tmp_path):
    variants = {
        name: Variant(Recipe(name, Role.CANDIDATE, Precision.FP32), tmp_path, {}, "sha256:0")
        for name in ("fp32", "int8", "int4")
    }
    with Fleet(variants, "tests.suites.expecting:Expecting", 60.0) as fleet:
        yield fleet


def test_an_own_answer_is_read_after_its_prompt_to_its_end(fleet):
    said = replies(fleet, "fp32", ITEMS)
    for (own, _), reply in zip(own_and_expected(fleet, "fp32", ITEMS, said), said, strict=True):
        assert own.token_ids == reply.answer.prompt_ids + reply.answer.token_ids
        assert own.scored == reply.answer.token_ids
        assert (reply.answer.finish, own.ends) == (Finish.STOP, True)
        assert own.positions == len(reply.answer.token_ids) + 1


def test_an_answer_that_was_cut_short_is_not_read_to_its_end(fleet):
    item = Item("a", (("user", "?"),), "x", max_new_tokens=2)
    [(own, _)] = own_and_expected(fleet, "fp32", [item], replies(fleet, "fp32", [item]))
    assert (own.ends, own.positions) == (False, 2)


def test_an_expected_answer_is_read_after_the_same_prompt(fleet):
    [(own, expected)] = own_and_expected(
        fleet, "fp32", ITEMS[:1], replies(fleet, "fp32", ITEMS[:1])
    )
    assert bytes(expected.scored) == b"an answer"
    assert expected.token_ids[: expected.score_from] == own.token_ids[: own.score_from]
    assert expected.ends


@pytest.mark.parametrize("scorer", [Scorer.CONTAINS, Scorer.REGEX, Scorer.NUMERIC])
def test_where_no_answer_is_expected_but_part_of_one_the_own_stands_for_it(fleet, scorer):
    item = Item("a", (("user", "?"),), "9", scorer=scorer)
    [(own, expected)] = own_and_expected(fleet, "fp32", [item], replies(fleet, "fp32", [item]))
    assert expected is own


def test_an_answer_that_is_the_expected_one_is_read_once(fleet):
    [reply] = replies(fleet, "fp32", ITEMS[:1])
    item = Item("item-0", ITEMS[0].messages, reply.answer.text)
    [(own, expected)] = own_and_expected(fleet, "fp32", [item], [reply])
    assert expected is own


def test_a_choice_that_nobody_generated_is_read_after_its_rendered_prompt(fleet):
    item = Item("a", (("user", "?"),), "two", scorer=Scorer.CHOICE, choices=("one", "two"))
    said = [Reply(likelihoods=(-1.0, -2.0)), *replies(fleet, "fp32", ITEMS[:1])]
    (own, expected), (other, _) = own_and_expected(fleet, "fp32", [item, ITEMS[0]], said)
    assert own is expected
    assert (bytes(own.scored), own.ends) == (b"two", False)
    prompt = fleet.ask("fp32", [question(item)])[0].prompt_ids
    assert own.token_ids[: own.score_from] == prompt
    assert bytes(other.scored) == said[1].answer.text.encode()


def test_a_variant_beside_itself_diverges_by_nothing_and_expects_what_comes(fleet):
    passages = [Passage("a", (1, 2, 3, 4), 2, ends=True), Passage("none", (1, 2), 2)]
    found = Readers(fleet, ["int4"], "fp32").read(passages)["int4"]
    assert list(found) == ["a"]
    assert (len(found["a"].kld), len(found["a"].log_p)) == (3, 2)
    assert found["a"].kld.max() == 0
    assert found["a"].log_p.tolist() == found["a"].reference_log_p.tolist()


def test_the_end_is_what_is_expected_after_the_last_token(fleet):
    closed, open_ = Passage("a", (7, 8, 9), 1, ends=True), Passage("a", (7, 8, 9), 1)
    rows = read(fleet, "fp32", closed)
    assert len(rows) == 3
    assert np.array_equal(rows[:2], read(fleet, "fp32", open_))
    assert rows.argmax(axis=1).tolist() == [7 + 1, 8 + 1, 9 + 1]  # of one more than it just read


@pytest.mark.parametrize(
    ("logits", "error", "why"),
    [
        (None, InfrastructureError, "the runtime of fp32 gives no logits"),
        (np.zeros((2, 9), np.float32), RequestError, "2 logits for 1 scored tokens"),
    ],
)
def test_logits_that_are_missing_are_told_from_a_runtime_that_has_none(
    fleet, monkeypatch, logits, error, why
):
    monkeypatch.setattr(fleet, "ask", lambda *asked: [Answer(logits=logits)])
    with pytest.raises(error, match=why):
        read(fleet, "fp32", Passage("a", (1, 2), 1))


@pytest.mark.parametrize(("length", "count"), [(40, 1), (512, 1), (1300, 2), (1300, 9), (9000, 4)])
def test_windows_are_spread_over_a_text_and_scored_in_their_second_half(length, count):
    found = windows(tuple(range(length)), count, 4096)
    assert 1 <= len(found) <= count
    starts = [int(it.label.removeprefix("token ")) for it in found]
    assert starts[0] == 0
    assert all(it.token_ids[0] == at for it, at in zip(found, starts, strict=True))
    assert all(len(it.scored) == -(-len(it.token_ids) // 2) for it in found)
    assert max(map(len, (it.token_ids for it in found))) == min(length, 512)
    if length == 9000:
        assert starts == [0, 2048, 4608, 6656]
    if count == 9:
        assert starts == [0, 512, 1024]  # all there are, the last one shorter


def test_a_window_fits_into_the_context_and_begins_as_the_model_wants():
    found = windows(tuple(range(3, 1003)), 3, 100, first=(1,))
    assert {len(it.token_ids) for it in found} == {100}
    assert {it.token_ids[0] for it in found} == {1}


def test_several_variants_are_compared_with_one_reading_of_the_reference(fleet, monkeypatch):
    passages = [Passage("a", (1, 2, 3, 4), 2), Passage("b", (5, 6, 7), 1)]
    alone = Readers(fleet, ["int4"], "fp32").read(passages)["int4"]
    asked = []
    ask = fleet.ask
    monkeypatch.setattr(fleet, "ask", lambda name, plan: (asked.append(name), ask(name, plan))[1])
    both = Readers(fleet, ["fp32", "int4"], "fp32").read(passages)
    assert sorted(asked) == ["fp32", "fp32", "int4", "int4"]
    assert {name: list(it) for name, it in both.items()} == {"fp32": ["a", "b"], "int4": ["a", "b"]}
    assert both["int4"]["b"].kld.tolist() == alone["b"].kld.tolist()


def test_what_keeps_one_variant_from_the_end_hinders_no_other(fleet, monkeypatch):
    passages = [Passage("a", (1, 2, 3, 4), 2), Passage("b", (5, 6, 7), 1)]
    ask = fleet.ask

    def refuse(name, plan):
        if name == "int4" and plan[0].token_ids[0] == 5:
            raise RequestError("no fives")
        return ask(name, plan)

    monkeypatch.setattr(fleet, "ask", refuse)
    readers = Readers(fleet, ["int4", "int8"], "fp32")
    found = readers.read(passages)
    assert {name: list(it) for name, it in found.items()} == {"int4": ["a"], "int8": ["a", "b"]}
    assert {name: str(it) for name, it in readers.errors.items()} == {"int4": "no fives"}
    assert list(readers.read(passages)["int4"]) == []


def test_what_keeps_the_reference_from_reading_is_raised(fleet, monkeypatch):
    def refuse(name, plan):
        raise RequestError(f"{name} has had enough")

    monkeypatch.setattr(fleet, "ask", refuse)
    with pytest.raises(RequestError, match="fp32 has had enough"):
        Readers(fleet, ["int4"], "fp32").read([Passage("a", (1, 2, 3, 4), 2)])
