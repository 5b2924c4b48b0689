"""Whole sessions: what was asked for, what was left out, and the status that says so."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.store import read_policy
from tests.conftest import ROOT


def test_a_good_candidate_is_go_and_published(gate):
    ended = gate.run(has_source=True)
    assert ended.status == 0, ended.output
    assert ended.report["verdict"] == "GO"
    rules = {it["rule"] for it in ended.report["variants"]["int4"]["findings"]}
    assert "precision.source_ids" in rules
    assert ended.packages == ["travel-int4-generic-cpu"]
    package = ended.report["published"]["int4"]
    assert package["model_id"] == "travel-int4-generic-cpu:1"
    manifest = json.loads((Path(package["path"]) / "inference_model.json").read_text())
    assert manifest["Name"] == package["model_id"]
    evidence = json.loads((gate.folder / "reports" / "latest" / "evidence.json").read_text())
    recorded = {it["metric"] for it in evidence["measurements"]}
    rules = read_policy(ROOT / "fixtures" / "policies" / "gate.toml").rules
    assert recorded <= {rule.metric for rule in rules}


def test_a_policy_that_looks_at_less_publishes_nothing(gate):
    policy = gate.folder / "brief.toml"
    policy.write_text('extends = "policy.toml"\npublishes = false\n')
    gate = replace(gate, about=("packaging",))
    asked = gate.run("--policy", str(policy), suites="suites/test_packaging.py")
    assert asked.status == 4
    assert "--publish needs a policy that looks at all of a release: found 'brief'" in asked.output
    unasked = ("--policy", str(policy), "--publish", "")
    ended = gate.run(*unasked, suites="suites/test_packaging.py")
    assert ended.status == 0, ended.output
    assert ended.report["published"] == {}
    assert "'brief' looks at less than a release takes, and publishes nothing" in ended.output


@pytest.mark.parametrize(
    ("options", "suites"),
    [
        (("-k", "int4"), "suites"),
        (("--only", "int4"), "suites"),
        (("-k", "not precision"), "suites"),
        (
            ("--deselect", "suites/test_packaging.py::test_configs_agree[int4]"),
            "suites/test_packaging.py suites/test_accuracy.py",
        ),
        ((), "suites/test_accuracy.py"),
    ],
    ids=["one variant", "--only", "one suite left out", "one check left out", "one suite alone"],
)
def test_a_session_that_leaves_something_out_is_inconclusive(gate, options, suites):
    ended = gate.run(*options, suites=suites)
    assert ended.status == 6, ended.output
    assert ended.report["verdict"] == "INCONCLUSIVE"
    assert ended.packages == []


def test_listing_the_tests_is_no_verdict(gate):
    ended = gate.run("--collect-only", "-q")
    assert ended.status == 6
    assert ended.report["verdict"] == "INCONCLUSIVE"


def test_the_conditions_at_start_and_end_are_in_report_and_evidence(gate):
    ended = gate.run("--collect-only", "-q")
    start, end = ended.report["conditions"]
    assert end["clock_seconds"] > start["clock_seconds"]
    assert end["own_seconds"] >= start["own_seconds"] > 0
    evidence = gate.folder / "reports" / "latest" / "evidence.json"
    assert json.loads(evidence.read_text())["conditions"] == [start, end]


def test_a_changed_end_token_is_no_go_by_name(gate):
    damaged = gate.copy("int4", "damaged")
    config = json.loads((damaged / "genai_config.json").read_text())
    config["model"]["eos_token_id"] = 5
    (damaged / "genai_config.json").write_text(json.dumps(config))
    ended = gate.run(damaged=damaged)
    assert ended.status == 1, ended.output
    assert ended.packages == []
    assert "eos_token_id is 5" in ended.reasons("damaged")
    assert "eos_token_id is 5" in ended.output


@pytest.mark.parametrize(
    ("options", "test", "reason"),
    [
        (
            (),
            "def test_own(): assert False",
            "::test_own failed, and it belongs to no variant",
        ),
        (("--continue-on-collection-errors",), "import no_such_module", "could not be collected"),
    ],
    ids=["a failed test", "a file that is no suite"],
)
def test_what_fails_beside_a_no_go_candidate_keeps_the_others_from_being_published(
    gate, options, test, reason
):
    gate = replace(gate, about=("packaging",))
    damaged = gate.copy("int4", "damaged")
    (damaged / "model.onnx.data").unlink()
    own = gate.folder / "test_own.py"
    own.write_text(test)
    suites = f"suites/test_packaging.py {own}"
    ended = gate.run(*options, suites=suites, damaged=damaged, int4=gate.variants["int4"])
    assert ended.status == 1, ended.output
    assert ended.report["variants"]["damaged"]["verdict"] == "NO-GO"
    assert ended.report["variants"]["int4"]["verdict"] == "INCONCLUSIVE"
    assert reason in ended.reasons("int4")
    assert ended.packages == []


def test_missing_weights_are_no_go_and_the_session_goes_on(gate):
    damaged = gate.copy("int4", "damaged")
    (damaged / "model.onnx.data").unlink()
    ended = gate.run(damaged=damaged, int4=gate.variants["int4"])
    assert ended.status == 1, ended.output
    assert "model.onnx.data is missing" in ended.reasons("damaged")
    assert ended.report["variants"]["int4"]["verdict"] == "GO"
    assert ended.packages == ["travel-int4-generic-cpu"]


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("DiesOfLongPrompts", "SIGSEGV"),
        ("HangsAtScoring", "no progress within 5 s"),
    ],
)
def test_a_process_that_dies_or_hangs_is_a_finding_and_the_report_is_written(gate, factory, reason):
    ended = gate.run(
        factory=f"tests.plugins.plants:{factory}",
        damaged=gate.copy("int4", "damaged"),
        int4=gate.variants["int4"],
    )
    assert ended.status == 1, ended.output
    assert ended.report["variants"]["damaged"]["verdict"] == "NO-GO"
    assert "damaged: " in ended.reasons("damaged")
    assert reason in ended.reasons("damaged")
    assert ended.report["variants"]["int4"]["verdict"] == "GO"
    assert ended.packages == ["travel-int4-generic-cpu"]


def test_a_process_that_is_killed_for_the_gates_own_prompt_is_not_the_models_fault(gate):
    damaged = gate.copy("int4", "damaged")
    ended = gate.run(factory="tests.plugins.plants:KilledForMemory", damaged=damaged)
    assert ended.status == 6, ended.output
    assert ended.report["variants"]["damaged"]["verdict"] == "INCONCLUSIVE"
    assert "SIGKILL" in ended.reasons("damaged")
    assert "give this machine more free memory" in ended.reasons("damaged")


def test_a_model_file_changed_while_measuring_is_never_published(gate):
    changing = gate.copy("int4", "changing")
    ended = gate.run(factory="tests.plugins.plants:EditsItsOwnFolder", changing=changing)
    assert ended.status == 6, ended.output
    assert ended.packages == []
    assert "genai_config.json" in ended.reasons("changing")


def test_a_reference_that_changed_while_measuring_leaves_nothing_decided(gate):
    gate = replace(gate, variants={**gate.variants, "fp32": gate.copy("fp32", "changing")})
    ended = gate.run("--no-publish", factory="tests.plugins.plants:EditsItsOwnFolder")
    assert ended.status == 6, ended.output
    assert "fp32 was not measured: its files changed" in ended.reasons("int4")


def test_a_run_that_is_killed_leaves_no_older_verdict_as_the_latest(gate):
    latest = gate.folder / "reports" / "latest"
    latest.mkdir(parents=True)
    (latest / "report.json").write_text('{"verdict": "GO"}')
    ended = gate.run(
        suites="suites/test_accuracy.py",
        factory="tests.plugins.plants:KillsTheGate",
        damaged=gate.copy("int4", "damaged"),
    )
    assert ended.status < 0
    assert not latest.exists()


def test_the_floor_that_a_release_states_is_asked_for_and_decides(gate):
    gate = replace(gate, about=("accuracy",), stated="floor = 0.97")
    ended = gate.run("--no-publish", suites="suites/test_accuracy.py")
    findings = ended.report["variants"]["int4"]["findings"]
    [share] = [it for it in findings if it["rule"] == "accuracy.share"]
    assert (share["severity"], share["limit"]) == ("critical", 0.97)
    assert [it["rule"] for it in findings].count("accuracy.beyond_chance") == 1
    evidence = json.loads((gate.folder / "reports" / "latest" / "evidence.json").read_text())
    taken = {it["metric"]: it for it in evidence["measurements"] if it["variant"] == "int4"}
    assert evidence["floor"] == 0.97
    assert len(taken["accuracy.correct"]["values"]) == 400


def test_a_mistake_of_the_gate_itself_is_neither_go_nor_no_go(gate, monkeypatch):
    (gate.folder / "broken.py").write_text(BROKEN)
    monkeypatch.setenv("PYTHONPATH", str(gate.folder))
    monkeypatch.setenv("PYTEST_PLUGINS", "broken")
    ended = gate.run(suites="suites/test_packaging.py")
    assert ended.status == 3
    assert "a mistake of ours" in ended.output


BROKEN = """
import harness.verdict

def judge(evidence, policy):
    raise KeyError("a mistake of ours")

harness.verdict.judge = judge
"""
