"""Real visits to Foundry Local with packages whose own settings are, or are not, the source's."""

import json
import shutil
from pathlib import Path

import pytest

from harness.answer import Answer
from harness.bank import shuffled
from harness.defaults import Settings
from harness.domain import read_items
from harness.errors import RequestError
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.policy import Plan
from harness.release import Data, Precision, Role
from harness.variant import Recipe, Variant
from harness.visit import _fitting, _prompts, _sample, read_settings, visit

TRAVEL = Path(__file__).parents[1] / "fixtures" / "travel"


@pytest.fixture
def visited(embedded, tmp_path):
    items = shuffled(read_items(Data(TRAVEL / "eval.jsonl")), 5)

    def visited(items_asked=24, context=None, **search):
        directory = Path(shutil.copytree(embedded["int4"], tmp_path / "package"))
        path = directory / "genai_config.json"
        config = json.loads(path.read_text())
        config["search"].update(search)
        if context is not None:
            config["model"]["context_length"] = context
        path.write_text(json.dumps(config))
        recipe = Recipe("int4", Role.CANDIDATE, Precision.INT4)
        variants = {"int4": Variant(recipe, directory, {}, "sha256:0")}
        with Fleet(variants, "harness.runtimes.ort_genai:OrtGenAI", 60.0) as fleet:
            return visit(fleet, "int4", items, Plan(default_items=items_asked), Settings())

    return visited


def broken(found):
    return {it for it, problems in found.held.problems.items() if any(problems.values())}


def test_a_sound_package_loses_next_to_nothing_where_no_option_is_set(visited):
    found = visited()
    assert [it.text for it in found.own] == [it.text for it in found.answers]
    assert len(found.defaults.lost) == 48
    assert sum(found.defaults.lost) <= 5
    assert found.defaults.heat < 9.2
    assert len({*found.defaults.names}) == 8
    assert len(found.held.problems) == 6
    assert broken(found) == set()


@pytest.mark.parametrize(("temperature", "items", "least"), [(2.0, 24, 8), (1.6, 96, 8)])
def test_a_package_that_samples_hotter_than_its_source_is_seen(visited, temperature, items, least):
    found = visited(items, temperature=temperature)
    assert sum(found.defaults.lost) >= least
    assert found.defaults.heat > 9.2
    assert [it.text for it in found.own] == [it.text for it in found.answers]  # greedily the same
    assert any(found.defaults.differs)


@pytest.mark.parametrize("context", [2060, 2100])
def test_a_context_without_room_for_what_is_reserved_by_default_is_refused(visited, context):
    refusal = r"^int4 refused a request: \d+ of 48 that set no option: Foundry Local refused"
    with pytest.raises(RequestError, match=refusal) as raised:
        visited(context=context, max_length=context)
    assert raised.value.variant == "int4"


def test_prompts_that_leave_no_room_in_a_usual_context_are_left_out(tmp_path):
    items = tuple(Item(f"{length}", (("user", "a"),), "b") for length in (2048, 2049))

    def fitting(context):
        (tmp_path / "genai_config.json").write_text(f'{{"model": {{"context_length": {context}}}}}')
        own = {item: Answer(prompt_ids=(1,) * int(item.id)) for item in items}
        return _fitting(items, own, tmp_path)

    assert fitting(4096) == items[:1]
    assert fitting(4095) == fitting(4097) == items  # of a short context what is refused counts


@pytest.mark.parametrize(
    ("plant", "contract"), [("IgnoresSeed", "same_seed"), ("IgnoresTopK", "top_k_one")]
)
def test_a_promise_that_foundry_local_breaks_is_named(visited, monkeypatch, plant, contract):
    monkeypatch.setattr("harness.visit.FOUNDRY_LOCAL", f"tests.foundry_plants:{plant}")
    found = visited(8)
    assert contract in broken(found)
    assert all(it.startswith("Foundry Local, ") for it in found.held.problems[contract])


def test_the_sources_settings_are_read_where_there_are_some(tmp_path):
    assert read_settings(TRAVEL / "model") == read_settings(None) == read_settings(tmp_path)
    (tmp_path / "generation_config.json").write_text('{"do_sample": true, "temperature": 0.7}')
    assert read_settings(tmp_path) == Settings(0.7)
    (tmp_path / "generation_config.json").write_text("[]")
    assert read_settings(tmp_path) == Settings()


def test_a_bank_of_choices_is_asked_without_options_too():
    chat = (("user", "a"),)
    offered = [
        Item(f"c{n}", chat, "x", scorer=Scorer.CHOICE, choices=("x", "y")) for n in range(30)
    ]
    written = [Item(f"w{n}", chat, "x") for n in range(30)]
    assert [it.id for it in _sample(offered, 24)] == [f"c{n}" for n in range(24)]
    assert {it.max_new_tokens for it in _sample(offered, 24)} == {16}
    assert _sample(offered + written[:3], 24) == tuple(written[:3])


def test_options_are_tried_on_different_chats():
    chats = [
        Item(f"c{n}", (("user", f"{n}"),), "x", scorer=Scorer.CHOICE, choices=("x", "y"))
        for n in range(5)
    ]
    own = dict.fromkeys([*chats[:2], *_sample(chats, 24)], Answer(prompt_ids=(1,)))
    names = [it.name for it in _prompts(own)]
    assert len(set(names)) == len(names) == 4
