import json

import pytest

from harness.bench import Bench
from harness.errors import InfrastructureError, RequestError
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Plan
from harness.readings import Readings, read_all
from harness.release import Precision, Role
from harness.stage import Stage
from harness.variant import Recipe, Variant

ITEMS = tuple(Item(f"item-{n}", (("user", f"question {n}"),), "an answer") for n in range(4))
ROLES = {"fp32": Role.REFERENCE, "int8": Role.CANDIDATE, "int4": Role.CANDIDATE}


@pytest.fixture
def benches(tmp_path):
    """A bench of each variant of one session; `contexts` are in tokens."""
    fleets = []

    def benches(**contexts):
        variants = {}
        for name, role in ROLES.items():
            (tmp_path / name).mkdir()
            document = {"model": {"context_length": contexts.get(name, 512)}}
            (tmp_path / name / "genai_config.json").write_text(json.dumps(document))
            recipe = Recipe(name, role, Precision.FP32)
            variants[name] = Variant(recipe, tmp_path / name, {}, "sha256:0")
        fleets.append(Fleet(variants, "tests.suites.expecting:Expecting", 60.0))
        plan = Plan(precision_items=4, precision_windows=2)
        stage = Stage(
            fleets[-1], "fp32", ITEMS, plan, "here", names=tuple(ROLES), text="a text " * 300
        )
        return {name: Bench(stage, name, "precision") for name in ROLES}

    yield benches
    for fleet in fleets:
        fleet.close()


def taken(bench):
    return bench.all_together("readings", read_all)


def counted(fleet, monkeypatch):
    """The names of who read a window of the text, in turn."""
    asked, ask = [], fleet.ask

    def count(name, plan):
        asked.extend(name for it in plan if len(it.token_ids or ()) > 100)
        return ask(name, plan)

    monkeypatch.setattr(fleet, "ask", count)
    return asked


def test_the_reference_reads_once_for_all_variants_of_a_session(benches, monkeypatch):
    made = benches()
    asked = counted(made["fp32"].fleet, monkeypatch)
    found = {name: taken(bench) for name, bench in made.items()}
    assert all(isinstance(it, Readings) and it.is_comparable for it in found.values())
    assert sorted(asked) == sorted([*ROLES] * 2)
    assert {len(it.own[0]) for it in found.values()} == {len(ITEMS)}
    assert {len(it.texts[0]) for it in found.values()} == {2}
    assert all(set(it.non_finite) == {0} for it in found.values())


def test_what_one_variant_does_wrong_is_raised_for_it_alone(benches, monkeypatch):
    made = benches()
    fleet = made["fp32"].fleet
    ask = fleet.ask

    def refuse(name, plan):
        if name == "int4" and len(plan[0].token_ids or ()) > 100:
            raise RequestError("too long for me")
        return ask(name, plan)

    monkeypatch.setattr(fleet, "ask", refuse)
    assert taken(made["fp32"]).is_comparable
    with pytest.raises(RequestError, match="too long for me"):
        taken(made["int4"])
    assert taken(made["int8"]).is_comparable


def test_a_variant_of_a_smaller_context_reads_shorter_windows_and_no_other_does(benches):
    made = benches(int4=100)
    windows = {name: taken(bench).texts[0] for name, bench in made.items()}
    positions = {name: {len(it.kld) for it in found.values()} for name, found in windows.items()}
    assert positions == {"fp32": {256}, "int8": {256}, "int4": {50}}


def test_a_folder_that_cannot_be_read_ends_its_own_check_alone(benches):
    made = benches()
    (made["int4"].variant.directory / "genai_config.json").write_text("{")
    assert taken(made["fp32"]).is_comparable
    with pytest.raises(KeyError):
        taken(made["int4"])


def test_a_control_that_fails_hinders_its_candidate_alone(benches, monkeypatch):
    def fail(fleet, name, *asked):
        if name == "int4":
            raise OSError("no space left")
        raise InfrastructureError("there is no folder to keep a control in")

    monkeypatch.setattr("harness.readings.add_control", fail)
    made = benches()
    assert taken(made["int8"]).no_control == "there is no folder to keep a control in"
    assert taken(made["fp32"]).no_control == "the reference is what controls are made of"
    with pytest.raises(OSError, match="no space left"):
        taken(made["int4"])


def test_what_has_other_tokens_reads_nothing_and_the_others_do(benches):
    made = benches()
    folder = made["int4"].variant.directory
    document = {"model": {"context_length": 512, "eos_token_id": 7}}
    (folder / "genai_config.json").write_text(json.dumps(document))
    assert taken(made["fp32"]).own
    other = taken(made["int4"])
    assert (other.is_comparable, other.own) == (False, ())
    assert other.vocabulary["the end tokens"] == 1


def test_who_was_read_starts_anew_under_its_devices_limits(benches):
    made = benches()
    fleet = made["fp32"].fleet
    before = {name: fleet._runtime(name) for name in ROLES}
    taken(made["fp32"])
    assert {name for name in ROLES if fleet._runtime(name) is before[name]} == {"fp32"}


def test_what_the_reference_does_wrong_is_no_other_variants(benches, monkeypatch):
    made = benches()
    fleet, asked = made["fp32"].fleet, []
    ask = fleet.ask

    def refuse(name, plan):
        asked.append(name)
        if asked.count("fp32") == 2:  # it was asked what its logits are for, beside int8
            error = RequestError("not now")
            error.variant = "fp32"
            raise error
        return ask(name, plan)

    monkeypatch.setattr(fleet, "ask", refuse)
    assert all(taken(made[name]).texts for name in ("int8", "int4", "fp32"))


def test_where_the_reference_fails_the_next_check_asks_it_again(benches, monkeypatch):
    made = benches()
    fleet, failing = made["fp32"].fleet, [True]
    ask = fleet.ask

    def refuse(name, plan):
        if name == "fp32" and len(plan[0].token_ids or ()) > 100 and failing:
            failing.clear()
            raise RequestError("not now")
        return ask(name, plan)

    monkeypatch.setattr(fleet, "ask", refuse)
    with pytest.raises(RequestError, match="not now"):
        taken(made["int8"])
    assert taken(made["int4"]).texts
