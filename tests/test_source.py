import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.answer import is_question
from harness.domain import read_items
from harness.errors import CrashError, InfrastructureError, ModelError
from harness.exam import replies
from harness.fleet import Fleet
from harness.forcing import Passage
from harness.item import Item, Scorer
from harness.metrics.scorers.choice import likeliest
from harness.parity import CHATS, TEXTS, Cause
from harness.patience import Patience
from harness.release import Data, Precision, Role
from harness.reply import Reply
from harness.source import ask_source, causes, questions, renewed
from harness.variant import Recipe, Variant

ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "x") for n in range(3))
CODE = {"fp32": Role.REFERENCE, "int4": Role.CANDIDATE}
ENGINE = "harness.runtimes.ort_genai:OrtGenAI"
TRAVEL = Path(__file__).parents[1] / "fixtures" / "travel"


@pytest.fixture
def stand_in(monkeypatch):
    """Another runtime in place of transformers, for what needs no model."""

    def stand_in(runtime):
        monkeypatch.setattr("harness.source.TRANSFORMERS", runtime)

    stand_in("tests.suites.expecting:Expecting")
    return stand_in


@pytest.fixture
def fleet(tmp_path):
    for name in ("fp32", "source"):
        (tmp_path / name).mkdir()
    config = {"model": {"eos_token_id": [256], "context_length": 512}}
    (tmp_path / "fp32" / "genai_config.json").write_text(json.dumps(config))
    added = [{"content": "<|end|>", "lstrip": True, "id": 256}]
    (tmp_path / "source" / "tokenizer.json").write_text(json.dumps({"added_tokens": added}))
    variant = Variant(
        Recipe("fp32", Role.REFERENCE, Precision.FP32), tmp_path / "fp32", {}, "sha256:0"
    )
    with Fleet({"fp32": variant}, "tests.suites.expecting:Expecting", 60.0) as fleet:
        yield fleet


@pytest.fixture
def asked(fleet, tmp_path):
    replied = list(zip(ITEMS, replies(fleet, "fp32", ITEMS), strict=True))
    return questions(tmp_path / "source", fleet, "fp32", replied)


def test_a_source_without_chats_is_asked_questions_alone(fleet, tmp_path):
    fleet.is_chat = False
    chats = questions(tmp_path / "source", fleet, "fp32", [(ITEMS[0], Reply())]).chats
    assert "item item-0" in chats
    assert "one question" in chats
    assert all(is_question(chat) for chat in chats.values())


def test_texts_chats_and_own_answers_are_asked_for(asked):
    assert set(asked.texts) == {*TEXTS, "<|end|> typed"}
    assert set(asked.chats) == {*CHATS, "item item-0", "item item-1", "item item-2"}
    assert [it.label for it in asked.passages] == ["item-0", "item-1", "item-2"]
    assert asked.end_tokens == (256,)
    assert asked.added[0].lstrip
    assert not asked.added[0].rstrip


def test_no_item_takes_the_place_of_a_text_by_its_name(fleet, tmp_path):
    items = [replace(ITEMS[0], id="emoji"), replace(ITEMS[1], id="one question")]
    replied = list(zip(items, replies(fleet, "fp32", items), strict=True))
    found = questions(tmp_path / "source", fleet, "fp32", replied)
    assert len({**found.texts, **found.chats}) == len(TEXTS) + 1 + len(CHATS) + 2


def test_a_source_that_says_the_same_is_no_distance_away(fleet, asked, stand_in):
    facts = ask_source(asked, fleet, "fp32")
    positions = sum(it.positions for it in asked.passages)
    assert len(facts.kld) == len(facts.logit_error) == len(facts.labels) == positions
    assert max(facts.kld) == max(facts.logit_error) == 0
    assert set(causes(facts, fleet, "fp32").values()) == {None}


def test_an_answer_that_the_source_would_not_give_falls_short(fleet, asked, stand_in):
    said = Passage("a", (7, 8, 100, 255), 1, ends=True)  # it expects one more than it just read
    facts = ask_source(replace(asked, passages=[said]), fleet, "fp32")
    assert facts.shortfall == (0.0, 5.0, 5.0, 0.0)
    ended = replace(asked, passages=[said], end_tokens=(3, 4))
    assert ask_source(ended, fleet, "fp32").shortfall == (0.0, 5.0, 5.0, 5.0)


def test_an_answer_falls_short_by_the_rule_that_chose_it(fleet, asked, stand_in, tmp_path):
    path = tmp_path / "fp32" / "genai_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "search": {"repetition_penalty": 2.0}}))
    said = Passage("a", (9, 7, 8, 100), 3, ends=True)  # 9 is expected, which was there already
    facts = ask_source(replace(asked, passages=[said], end_tokens=(3,)), fleet, "fp32")
    assert facts.shortfall == (2.5, 5.0)
    assert max(facts.kld) == 0


def test_a_reference_that_penalizes_repetition_is_no_distance_from_its_source(penalizing, stand_in):
    stand_in(ENGINE)
    items = read_items(Data(TRAVEL / "eval.jsonl"))[:12]
    variant = Variant(
        Recipe("fp32", Role.REFERENCE, Precision.FP32), penalizing["fp32"], {}, "sha256:0"
    )
    with Fleet({"fp32": variant}, ENGINE, 60.0) as fleet:
        replied = list(zip(items, replies(fleet, "fp32", items), strict=True))
        facts = ask_source(questions(penalizing["fp32"], fleet, "fp32", replied), fleet, "fp32")
    assert len(facts.shortfall) > 50
    assert max(facts.shortfall) < 0.01


def test_a_reference_with_broken_logits_is_compared_where_they_are_whole(
    fleet, asked, stand_in, tmp_path
):
    (tmp_path / "fp32" / "expecting.json").write_text('{"broken": true}')
    fleet.close()
    facts = ask_source(asked, fleet, "fp32")
    assert len(facts.kld) == sum(it.positions - 1 for it in asked.passages)
    assert np.isfinite(facts.kld).all()


def test_another_vocabulary_cannot_be_compared(fleet, asked, stand_in, tmp_path):
    (tmp_path / "source" / "expecting.json").write_text('{"width": 300}')
    with pytest.raises(
        InfrastructureError, match="vocabulary has 300 tokens, that of fp32 has 257"
    ):
        ask_source(asked, fleet, "fp32")


@pytest.mark.parametrize("fault", ["Crashing", "CrashingOnLoad", "Hanging"])
def test_what_the_source_does_wrong_is_no_variants_fault(
    fleet, asked, stand_in, fault, monkeypatch
):
    monkeypatch.setattr("harness.source._LEAST_SECONDS", 1.0)
    monkeypatch.setattr(fleet, "patience", Patience(1.0))
    stand_in(f"harness.runtimes.scripted:{fault}")
    with pytest.raises(InfrastructureError, match="cannot be compared with the source: the source"):
        ask_source(asked, fleet, "fp32")


def test_what_the_reference_does_wrong_is_its_own(fleet, asked, stand_in, monkeypatch):
    def crash(*passage):
        error = CrashError("fp32: died")
        error.variant = "fp32"
        raise error

    monkeypatch.setattr("harness.source.read", crash)
    with pytest.raises(ModelError, match="fp32: died"):
        ask_source(asked, fleet, "fp32")


def test_a_chat_that_only_one_side_renders_is_unexplained(fleet, asked, stand_in):
    stand_in("tests.suites.expecting:RefusingSystem")
    facts = ask_source(asked, fleet, "fp32")
    assert facts.ids["a chat with a system message"] is None
    found = causes(facts, fleet, "fp32")
    assert found.pop("a chat with a system message") is Cause.UNKNOWN
    assert set(found.values()) == {None}


def test_token_ids_are_asked_for_again_on_another_day(fleet, asked, stand_in, tmp_path):
    dated, day = "tests.odd_runtimes:Dated", tmp_path / "day"
    stand_in(dated)
    day.write_text("Monday")
    with Fleet({"fp32": fleet.variant("fp32")}, dated, 60.0) as fleet_of_today:
        facts = ask_source(asked, fleet_of_today, "fp32")
        assert renewed(facts, fleet_of_today, "fp32") is facts
        day.write_text("Tuesday")
        yesterday = causes(facts, fleet_of_today, "fp32")
        assert {name for name, why in yesterday.items() if why is Cause.UNKNOWN} == {*asked.chats}
        again = renewed(facts, fleet_of_today, "fp32")
        assert set(causes(again, fleet_of_today, "fp32").values()) == {None}
        assert renewed(again, fleet_of_today, "fp32") is again
    assert again.kld == facts.kld


CHOICES = (" no", " yes", " not at all")


def test_a_choice_is_held_against_the_sources_choice_and_not_against_the_bank(
    fleet, tmp_path, stand_in
):
    stand_in("harness.runtimes.scripted:Scripted")
    items = [
        Item(f"{n}", (("user", f"question {n}"),), " no", scorer=Scorer.CHOICE, choices=CHOICES)
        for n in range(12)
    ]
    answered = replies(fleet, "fp32", items)
    asked = questions(tmp_path / "source", fleet, "fp32", list(zip(items, answered, strict=True)))
    assert len({likeliest(*pair) for pair in zip(items, answered, strict=True)}) > 1
    facts = ask_source(asked, fleet, "fp32")
    assert facts.shortfall_labels == tuple(item.id for item in items)
    assert set(facts.shortfall) == {0.0}
    turned = [
        replace(one, reply=replace(one.reply, likelihoods=one.reply.likelihoods[::-1]))
        for one in asked.choosing
    ]
    others = ask_source(replace(asked, choosing=tuple(turned)), fleet, "fp32")
    assert max(others.shortfall) > 0.1
