"""The README says what is so: its commands are run somewhere, and its examples are accepted."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.travel import train
from harness.__main__ import main
from harness.domain import read_items
from harness.evidence import Evidence, Subject
from harness.release import Data, Precision, Role
from harness.store import read_policy, read_release, write_evidence
from harness.verdict import Decision

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (?=python|pytest|pip)(.+)$", README, re.MULTILINE)
OF_COMMANDS = ("--train", "--remove-older", "--clear")  # of python -m harness
OPTIONS = sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)))


def example(language):
    [found] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return found


def test_every_command_is_one_that_is_tried():
    installs = [it for it in COMMANDS if "pip install" in it]
    judges = [it for it in COMMANDS if it.startswith("python -m harness judge ")]
    releases = [it for it in COMMANDS if it.startswith("pytest suites/ --release ")]
    policies = [it for it in COMMANDS if it.startswith("pytest suites/ --policy ")]
    benchmarks = [it for it in COMMANDS if it == "pytest tests/benchmarks -m benchmark"]
    checks = [it for it in COMMANDS if it.startswith("python -m harness data check ")]
    kinds = [installs, judges, checks, releases, policies, benchmarks]
    assert [len(kind) for kind in kinds] == [2, 1, 1, 1, 2, 1]
    assert set(COMMANDS) == {command for kind in kinds for command in kind}


def test_the_policy_of_the_regression_check_is_the_gates_with_less_to_measure():
    command, _ = [it for it in COMMANDS if it.startswith("pytest suites/ --policy ")]
    brief = read_policy(ROOT / shlex.split(command)[-1])
    gate = read_policy(ROOT / "fixtures" / "policies" / "gate.toml")
    assert (brief.rules, brief.required) == (gate.rules, gate.required)
    assert brief.plan.latency_processes < gate.plan.latency_processes
    assert (brief.publishes, gate.publishes) == (False, True)


def test_the_nightly_report_is_of_a_release_and_a_policy_that_are_there():
    _, command = [it for it in COMMANDS if it.startswith("pytest suites/ --policy ")]
    _, _, _, policy, _, release = shlex.split(command)
    assert read_policy(ROOT / policy).plan.accuracy_items == 0
    assert len(read_release(ROOT / release).variants) == 10


def test_the_check_of_data_is_one_that_can_be_asked(tmp_path, monkeypatch, capsys):
    [command] = [it for it in COMMANDS if "harness data check" in it]
    _, _, _, *arguments = shlex.split(command)
    travel = ROOT / "fixtures" / "travel"
    there = {"eval.jsonl": travel / "eval.jsonl", "train.jsonl": travel / "calibration.jsonl"}
    for name, path in there.items():
        (tmp_path / name).write_bytes(path.read_bytes())
    release = tmp_path / arguments[arguments.index("--release") + 1]
    release.parent.mkdir()
    text = (ROOT / "fixtures" / "travel.toml").read_text(encoding="utf-8")
    for name in ("travel/", "policies/"):
        text = text.replace(f'"{name}', f'"{(ROOT / "fixtures" / name).as_posix()}/')
    release.write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 0
    assert "no problem" in capsys.readouterr().out


def test_the_benchmarks_are_there_and_run_only_when_asked_for():
    command = [sys.executable, "-m", "pytest", "tests/benchmarks", "--collect-only", "-q"]
    for options, found in (([], 5), (["-m", "benchmark"], 0)):
        done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == found  # 5 is pytest's status for no tests


def test_ci_runs_the_lines_that_install():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    installs = [it for it in COMMANDS if "pip install" in it]
    assert [it for it in lines if "pip install" in it] == installs


def test_the_verdict_is_had_again_by_the_command_that_is_shown(tmp_path, monkeypatch, capsys):
    [command] = [it for it in COMMANDS if "harness judge" in it]
    _, _, _, *arguments = shlex.split(command)
    evidence = Evidence(
        "travel:1",
        {
            "fp32": Subject(Role.REFERENCE, Precision.FP32, digest="sha256:1"),
            "int4": Subject(Role.CANDIDATE, Precision.INT4, digest="sha256:2"),
        },
        "here",
    )
    policy = tmp_path / arguments[arguments.index("--policy") + 1]
    policy.parent.mkdir(parents=True)
    policy.write_bytes((ROOT / policy.relative_to(tmp_path)).read_bytes())
    write_evidence(tmp_path / arguments[1], evidence)
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == Decision.INCONCLUSIVE.exit_status
    assert capsys.readouterr().out.endswith("INCONCLUSIVE\n")


def test_the_release_file_is_one(tmp_path):
    path = tmp_path / "release.toml"
    path.write_text(example("toml"), encoding="utf-8")
    release = read_release(path)
    assert (release.reference, release.candidates) == ("fp32", ("int4", "from-elsewhere"))
    assert (ROOT / "fixtures" / "policies" / "gate.toml").is_file()


def test_the_line_of_data_is_one(tmp_path):
    path = tmp_path / "eval.jsonl"
    path.write_text(example("json"), encoding="utf-8")
    [item] = read_items(Data(path))
    assert item.id == "q1"


@pytest.mark.parametrize("status", Decision)
def test_exit_statuses_are_those_of_the_verdict(status):
    assert f"{status.exit_status} {status.value}" in README


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_one_that_is_known(option, pytestconfig):
    if option not in OF_COMMANDS:
        pytestconfig.getoption(option)  # raises for a name that it does not know


def test_the_travel_model_is_made_by_a_command_that_is_there(capsys):
    text = (ROOT / "fixtures" / "travel" / "README.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^    python -m fixtures\.travel\.train (.+)$", text, re.MULTILINE)
    with pytest.raises(SystemExit) as ended:
        train.main([*shlex.split(command), "--help"])
    assert ended.value.code == 0
    assert command.split()[0] in capsys.readouterr().out


def test_no_rule_of_the_gate_is_called_like_a_check():
    gate = read_policy(ROOT / "fixtures" / "policies" / "gate.toml")
    assert not {rule.id for rule in gate.rules} & set(gate.required)
