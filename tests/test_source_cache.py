"""What the source said is kept while nothing that decides it changes, and never a failure."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.answer import Request
from harness.errors import InfrastructureError
from harness.fleet import Fleet
from harness.forcing import Passage
from harness.item import Item, Scorer
from harness.parity import CHATS, AddedToken
from harness.plugins.measure import caches
from harness.policy import Plan
from harness.release import Precision, Role
from harness.reply import Reply
from harness.sealed import write_sealed
from harness.source import Choosing, Questions, SourceFacts, renewed
from harness.source_cache import SourceCache, kept_remark
from harness.source_lengths import SourceLengths
from harness.variant import Recipe, Variant
from tests.suites.expecting import Expecting

MADE_OF = {"variant": "sha256:1", "environment": "here", "chat": True}
ITEM = Item("c", (("user", "?"),), "a", scorer=Scorer.CHOICE, choices=("a", "b"))
CHOOSING = Choosing(
    ITEM,
    Request(token_ids=(1, 2), continuations=((3,), (4,)), fresh=False),
    Reply(likelihoods=(-0.5, -1.25), choice_tokens=(1, 1)),
)
PASSAGES = tuple(Passage(f"p{n}", (n, n + 1, n + 2), 1, ends=True) for n in range(5))
TODAY = "harness.source_cache.date"


class Source:
    """Answers, or fails, and counts how often it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    def __call__(self):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class OneProcess:
    """A fleet of a reference that answers here."""

    is_chat = True

    def __init__(self, greeting=""):
        self.runtime = Expecting()
        self.greeting = greeting

    def ask(self, name, plan):
        return [self.runtime.answer(request) for request in plan]

    def render(self, name, chats):
        return [self.greeting + self.runtime.render(chat) for chat in chats]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "checkpoint"
    (folder / "more").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"\0\1\2")
    (folder / "more" / "chat_template.jinja").write_text("{{ messages }}")
    return folder


@pytest.fixture
def asked(folder):
    chats = {"one question": CHATS["one question"]}
    added = (AddedToken("<|end|>", True),)
    return Questions(folder, {"words": "a b"}, chats, PASSAGES, (256,), added, (CHOOSING,))


@pytest.fixture
def facts(asked):
    return SourceFacts(
        asked,
        {"words": [1, 2], "one question": None},
        rendered="a chat",
        kld=(0.1, 1e-17),
        logit_error=(0.25, 0.5),
        labels=("p0", "p1"),
        shortfall=(0.0, -0.0, 1e9),
        shortfall_labels=("p0", "p0", "c"),
    )


def told(root, asked, answer, fleet=None, made_of=MADE_OF):
    """What a new session is told, and how often the source was asked for it."""
    source = Source(answer)
    cache = SourceCache(root / "source", made_of)
    return cache.facts(asked, fleet or OneProcess(), "fp32", source), source.asked


def test_a_later_session_is_told_the_same_and_does_not_ask(tmp_path, asked, facts):
    first, times = told(tmp_path, asked, facts)
    assert (first, times) == (facts, 1)
    again, times = told(tmp_path, asked, InfrastructureError("transformers is not installed"))
    assert times == 0
    assert again.kept_from.endswith(" UTC")
    assert replace(again, kept_from="") == facts
    assert kept_remark("about it", again.kept_from).endswith(f"a session of {again.kept_from}")


@pytest.mark.parametrize("key", MADE_OF)
def test_another_reference_or_place_is_asked_about(tmp_path, asked, facts, key):
    told(tmp_path, asked, facts)
    assert told(tmp_path, asked, facts, made_of={**MADE_OF, key: "other"})[1] == 1


def _weights(folder):
    (folder / "model.safetensors").write_bytes(b"\0\1\3")


def _template(folder):
    (folder / "more" / "chat_template.jinja").write_text("{{ messages[0] }}")


def _new_file(folder):
    (folder / "generation_config.json").write_text("{}")


def _lost_file(folder):
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize("change", [_weights, _template, _new_file, _lost_file])
def test_another_source_is_asked(tmp_path, asked, facts, folder, change):
    told(tmp_path, asked, facts)
    change(folder)
    assert told(tmp_path, asked, facts)[1] == 1


def test_a_source_that_was_moved_is_not_asked(tmp_path, asked, facts, folder):
    told(tmp_path, asked, facts)
    moved = replace(asked, directory=folder.rename(tmp_path / "moved"))
    again, times = told(tmp_path, moved, facts)
    assert (again.asked.directory.name, times) == ("moved", 0)


@pytest.mark.parametrize("name", ["torch", "transformers", "tokenizers", "safetensors", "jinja2"])
def test_another_version_of_what_answers_is_asked(tmp_path, asked, facts, monkeypatch, name):
    told(tmp_path, asked, facts)
    found = [SimpleNamespace(name=name, version="0.1")]
    monkeypatch.setattr("harness.source_cache.distributions", lambda: found)
    assert told(tmp_path, asked, facts)[1] == 1
    found[0] = SimpleNamespace(name=name, version="0.2")
    assert told(tmp_path, asked, facts)[1] == 1
    assert told(tmp_path, asked, facts)[1] == 0


_TURNED = replace(CHOOSING, reply=replace(CHOOSING.reply, likelihoods=(-1.25, -0.5)))
_LATER = replace(PASSAGES[4], score_from=2)


@pytest.mark.parametrize(
    "change",
    [
        {"texts": {"words": "a c"}},
        {"texts": {}},
        {"chats": {"one question": (("user", "Where?"),)}},
        {"passages": (*PASSAGES[:4], _LATER)},
        {"passages": PASSAGES[::-1]},
        {"end_tokens": (255,)},
        {"added": ()},
        {"choosing": (_TURNED,)},
        {"choosing": (replace(CHOOSING, item=replace(ITEM, expected="b")),)},
    ],
)
def test_other_questions_and_other_replies_are_asked(tmp_path, asked, facts, change):
    told(tmp_path, asked, facts)
    assert told(tmp_path, replace(asked, **change), facts)[1] == 1


def test_logits_of_the_reference_that_are_not_what_they_were_are_asked_about(
    tmp_path, asked, facts
):
    told(tmp_path, asked, facts)
    fleet = OneProcess()
    fleet.runtime.doubt = 2**-20
    assert told(tmp_path, asked, facts, fleet)[1] == 1


def test_logits_that_are_no_numbers_are_the_same_when_they_are(tmp_path, asked, facts):
    fleet = OneProcess()
    fleet.runtime.broken = True
    assert [told(tmp_path, asked, facts, fleet)[1] for _ in range(2)] == [1, 0]


def _cut(text):
    return text[: len(text) // 2]


def _forged(text):
    return text.replace("0.25", "0.125")


@pytest.mark.parametrize("damage", [_cut, _forged, lambda _: "[]", lambda _: ""])
def test_a_damaged_file_is_asked_again(tmp_path, asked, facts, damage):
    told(tmp_path, asked, facts)
    [path] = (tmp_path / "source").iterdir()
    path.write_text(damage(path.read_text()))
    again, times = told(tmp_path, asked, facts)
    assert (again, times) == (facts, 1)
    assert told(tmp_path, asked, facts)[1] == 0


def test_a_file_of_another_schema_is_asked_again(tmp_path, asked, facts, monkeypatch):
    told(tmp_path, asked, facts)
    [path] = (tmp_path / "source").iterdir()
    record = json.loads(path.read_text())
    del record["answers"]["kld"]
    write_sealed(path, record["made_of"], {name: record[name] for name in ("answers", "asked_at")})
    assert told(tmp_path, asked, facts)[1] == 1
    monkeypatch.setattr("harness.source_cache.SCHEMA", 0)
    assert told(tmp_path, asked, facts)[1] == 1


def test_a_failure_is_asked_again(tmp_path, asked, facts):
    with pytest.raises(InfrastructureError, match="no memory"):
        told(tmp_path, asked, InfrastructureError("no memory"))
    assert told(tmp_path, asked, facts)[1] == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_the_file_cannot_hold_is_told_and_not_kept(tmp_path, asked, facts, value):
    odd = replace(facts, logit_error=(value, 0.5))
    first, times = told(tmp_path, asked, odd)
    assert (first, times) == (odd, 1)
    assert told(tmp_path, asked, odd)[1] == 1


def test_an_impossible_choice_is_asked_and_not_kept(tmp_path, asked, facts):
    impossible = replace(CHOOSING.reply, likelihoods=(-0.5, -np.inf))
    others = replace(asked, choosing=(replace(CHOOSING, reply=impossible),))
    assert [told(tmp_path, others, facts)[1] for _ in range(2)] == [1, 1]


def _adapter(folder):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/elsewhere"}')


def _link(folder):
    (folder / "additional_chat_templates").symlink_to(folder.parent, target_is_directory=True)


@pytest.mark.parametrize("change", [_adapter, _link])
def test_a_source_that_is_partly_elsewhere_is_asked_each_time(
    tmp_path, asked, facts, folder, change
):
    change(folder)
    assert [told(tmp_path, asked, facts)[1] for _ in range(2)] == [1, 1]


def test_a_place_that_cannot_be_written_costs_no_answer(tmp_path, asked, facts):
    (tmp_path / "source").write_text("")
    assert told(tmp_path, asked, facts) == (facts, 1)


def test_a_reference_whose_template_writes_another_date_is_asked_about(tmp_path, asked, facts):
    monday, tuesday = OneProcess("Monday. "), OneProcess("Tuesday. ")
    days = [monday, monday, tuesday, monday]
    assert [told(tmp_path, asked, facts, day)[1] for day in days] == [1, 0, 1, 0]


@pytest.mark.parametrize(("written", "times"), [("{{ strftime_now('%d') }}", 1), ("{{ day }}", 0)])
def test_a_source_whose_template_knows_the_date_is_asked_each_day(
    tmp_path, asked, facts, monkeypatch, written, times
):
    (asked.directory / "more" / "chat_template.jinja").write_text(written)
    monkeypatch.setattr(TODAY, SimpleNamespace(today=lambda: date(2026, 12, 1)))
    assert [told(tmp_path, asked, facts)[1] for _ in range(2)] == [1, 0]
    monkeypatch.setattr(TODAY, SimpleNamespace(today=lambda: date(2026, 12, 2)))
    assert told(tmp_path, asked, facts)[1] == times


def test_kept_token_ids_are_asked_for_again_when_the_day_ends(
    tmp_path, asked, facts, folder, monkeypatch
):
    dated, day = "tests.odd_runtimes:Dated", tmp_path / "day"
    monkeypatch.setattr("harness.source.TRANSFORMERS", dated)
    day.write_text("Monday")
    recipe = Recipe("fp32", Role.REFERENCE, Precision.FP32)
    with Fleet({"fp32": Variant(recipe, folder, {}, "sha256:0")}, dated, 60.0) as fleet:
        [rendered] = fleet.render("fp32", [CHATS["one question"]])
        told(tmp_path, asked, replace(facts, rendered=rendered), fleet)
        kept, times = told(tmp_path, asked, facts, fleet)
        assert (kept.rendered, times) == (rendered, 0)
        assert renewed(kept, fleet, "fp32") is kept
        day.write_text("Tuesday")
        again = renewed(kept, fleet, "fp32")
    assert again.rendered == rendered.replace("Monday", "Tuesday")
    assert bytes(again.ids["one question"]).decode() == again.rendered
    assert again.kld == facts.kld


ENDS = {32: np.arange(6, dtype=np.float32).reshape(2, 3), 64: np.full((2, 3), np.nan, np.float32)}
LENGTHS = tuple(Passage(str(n), tuple(range(n)), n - 2) for n in ENDS)
DISTANCES = SourceLengths({32: 1e-5, 64: 1e9})


def compared(root, folder, asked=LENGTHS, known=ENDS, answer=DISTANCES):
    """The distances that a new session is told, and how often the source was asked for them."""
    source = Source(answer)
    return SourceCache(root / "source", MADE_OF).lengths(folder, asked, known, source), source.asked


def test_distances_are_kept_with_the_time_they_are_of(tmp_path, folder):
    assert compared(tmp_path, folder) == (DISTANCES, 1)
    again, times = compared(tmp_path, folder)
    assert (again.distances, times) == (DISTANCES.distances, 0)
    assert again.kept_from.endswith(" UTC")


def _one_bit(logits):
    changed = logits.copy()
    changed[0, 0] = np.nextafter(changed[0, 0], np.float32(1))
    return changed


def test_one_bit_of_the_references_logits_is_another_reference(tmp_path, folder):
    compared(tmp_path, folder)
    assert compared(tmp_path, folder, known={**ENDS, 32: _one_bit(ENDS[32])})[1] == 1


def test_other_prompts_and_another_source_are_compared(tmp_path, folder):
    compared(tmp_path, folder)
    other = (replace(LENGTHS[0], token_ids=(9, *LENGTHS[0].token_ids[1:])), LENGTHS[1])
    assert compared(tmp_path, folder, other)[1] == 1
    assert compared(tmp_path, folder, LENGTHS[:1], answer=SourceLengths({32: 1e-5}))[1] == 1
    _weights(folder)
    assert compared(tmp_path, folder)[1] == 1


@pytest.mark.parametrize("known", [{}, {32: ENDS[32]}, {**ENDS, 64: ENDS[64][:1]}])
def test_lengths_that_the_reference_did_not_read_are_compared_each_time(tmp_path, folder, known):
    compared(tmp_path, folder)
    assert compared(tmp_path, folder, known=known)[1] == 1
    assert compared(tmp_path, folder, known=known)[1] == 1


@pytest.mark.parametrize(
    "answer",
    [
        SourceLengths({32: 1e-5}, "no memory at 64 tokens"),
        SourceLengths({32: 1e-5}),
        SourceLengths({32: 1e-5, 64: np.inf}),
    ],
)
def test_a_part_of_the_lengths_is_not_kept(tmp_path, folder, answer):
    assert compared(tmp_path, folder, answer=answer) == (answer, 1)
    assert not answer.left_out or not (tmp_path / "source").exists()
    assert compared(tmp_path, folder) == (DISTANCES, 1)


def test_facts_and_distances_lie_side_by_side(tmp_path, folder, asked, facts):
    told(tmp_path, asked, facts)
    compared(tmp_path, folder)
    assert told(tmp_path, asked, facts)[1] == compared(tmp_path, folder)[1] == 0


@pytest.mark.parametrize(("keeps", "digest"), [(False, "sha256:1"), (True, "")])
def test_nothing_is_kept_where_the_plan_says_so_or_nobody_is_compared(keeps, digest):
    assert caches(_notebook(Path("variants"), keeps, digest)) == (None, None)


def test_replies_and_the_sources_answers_are_kept_beside_the_variants(
    tmp_path, folder, asked, facts
):
    _, cache = caches(_notebook(tmp_path / "variants", True, "sha256:1"))
    cache.facts(asked, OneProcess(), "fp32", Source(facts))
    assert [path.parent.name for path in tmp_path.rglob("*.json")] == ["source"]


def _notebook(cache, keeps, digest):
    release = SimpleNamespace(reference="fp32", runtime=SimpleNamespace(factory="a:B"))
    policy = SimpleNamespace(plan=Plan(keep_reference_replies=keeps))
    return SimpleNamespace(
        settings=SimpleNamespace(release=release, policy=policy, cache=cache),
        environment=SimpleNamespace(fingerprint="sha256:2"),
        is_chat=True,
        subject=lambda name: SimpleNamespace(digest=digest),
    )
