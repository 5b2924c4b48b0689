"""Real sessions for a device: its budgets decide, its caps hold, and mistakes are told at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.device import speed_doubt
from harness.probes.machine import capture_machine
from harness.store import read_device, read_evidence

ROOT = Path(__file__).parents[2]
DEVICES = ROOT / "fixtures" / "devices"
BUDGETS = "suites/test_device.py suites/test_memory.py::test_context"
SUITES = f"{BUDGETS} suites/test_packaging.py::test_graph_matches_recipe"
POLICY = """
required = ["device.budgets", "packaging.graph_matches_recipe"]
[plan]
device_answers = 60
"""
needs_laptop = pytest.mark.skipif(
    bool(speed_doubt(read_device("laptop-8gb", DEVICES, DEVICES), capture_machine())),
    reason="laptops of the profile have another architecture",
)


@pytest.fixture
def judge(gate):
    """Run what budgets are about, by the gate's rules on them; loads would take the most time."""

    def judge(*options, suites=SUITES):
        parts = (ROOT / "fixtures" / "policies" / "gate.toml").read_text().split("\n[rules.")
        rules = [it for it in parts if it.startswith('"device.') and "latency.opening" not in it]
        path = gate.folder / "device.toml"
        path.write_text("\n[rules.".join([POLICY, *rules]), encoding="utf-8")
        return gate.run("--policy", str(path), "--no-publish", *options, suites=suites)

    return judge


def finding(ended, rule):
    [found] = [it for it in ended.report["variants"]["int4"]["findings"] if it["rule"] == rule]
    return found


@needs_laptop
def test_the_embedded_release_is_go_on_a_laptop_and_stored_evidence_says_so_too(judge, gate):
    ended = judge("--device", "laptop-8gb")
    assert ended.report["verdict"] == "GO", ended.output
    for rule in ("device.ttft", "device.rate", "device.peak", "device.context_peak", "device.disk"):
        assert finding(ended, rule)["outcome"] == "pass"
    assert "measured for the device laptop-8gb on" in ended.output
    evidence = read_evidence(gate.folder / "reports" / "latest" / "evidence.json")
    assert evidence.device == read_device("laptop-8gb", DEVICES, DEVICES)
    assert evidence.machine == capture_machine()


def test_a_peak_over_the_devices_budget_is_no_go_with_both_figures(judge, gate):
    own = gate.folder / "small.toml"
    own.write_text('extends = "phone-6gb"\n[budgets]\npeak_mib = 20\n')
    ended = judge("--device", str(own), suites=BUDGETS)
    assert ended.report["verdict"] == "NO-GO", ended.output
    peak = finding(ended, "device.peak")
    assert (peak["outcome"], peak["limit"], peak["severity"]) == ("fail", 20, "critical")
    assert 30 < peak["measured"] < 500
    assert "but must be at most 20 MiB" in peak["reason"]
    longest = finding(ended, "device.context_peak")
    assert (longest["outcome"], longest["limit"]) == ("fail", 20)
    if speed_doubt(read_device("phone-6gb", DEVICES, DEVICES), capture_machine()):
        assert finding(ended, "device.ttft")["outcome"] == "inconclusive"
        assert "another instruction set is not emulated" in ended.output


def test_a_device_with_no_memory_for_it_is_no_go_and_no_fault_of_the_gates(judge, gate):
    own = gate.folder / "tiny.toml"
    own.write_text(
        'extends = "phone-6gb"\navailable_mib = 1\n[budgets]\npeak_mib = 1\n', encoding="utf-8"
    )
    ended = judge("--device", str(own), suites="suites/test_device.py")
    assert ended.report["verdict"] == "NO-GO", ended.output
    assert "the device leaves it 1 MiB" in ended.reasons("int4")


def test_without_a_device_the_report_says_that_no_budget_was_checked(judge):
    ended = judge(suites="suites/test_device.py")
    assert "no device's budgets were checked: the release names no [device]" in ended.output
    assert finding(ended, "device.ttft")["severity"] == "info"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (None, ["no device profile 'laptop-8' (did you mean 'laptop-8gb'?); there are arm-4core"]),
        (
            'extends = "laptop-8gb"\ncore = 4\nthreads = 0\n[budgets]\nttft = 3\n',
            [
                "mine: unknown key core (did you mean cores?); accepted: ",
                "mine: threads must be a whole number over 0: found 0",
                "mine: unknown key budgets.ttft (did you mean budgets.ttft_ms?); accepted: ",
            ],
        ),
    ],
    ids=["no such name", "every mistake of a file"],
)
def test_mistakes_are_told_before_anything_is_measured(judge, gate, text, lines):
    option = "laptop-8"
    if text is not None:
        (gate.folder / "mine.toml").write_text(text)
        option = str(gate.folder / "mine.toml")
    ended = judge("--device", option)
    assert ended.status == 4
    for line in lines:
        assert line in ended.output


def test_paths_that_lead_up_are_resolved_at_the_door(embedded, tmp_path):
    """Foundry Local refuses a path with '..', which is nothing that a variant did wrong."""
    up = os.path.relpath(tmp_path, ROOT / "tests")
    assert up.startswith("..")
    command = [sys.executable, "-m", "pytest", str(ROOT / "suites" / "test_foundry.py")]
    command += ["--cache", "../.cache/variants", "--reports", f"{up}/reports", "--no-publish"]
    command += ["--release", "../fixtures/travel.toml", "--only", "int4", "-p", "no:cacheprovider"]
    command += ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, check=False)
    evidence = read_evidence(tmp_path / "reports" / "latest" / "evidence.json")
    same = [it for it in evidence.checks if it.id == "foundry.same_answers"]
    assert [it.outcome for it in same if it.variant == "int4"] == ["measured"], done.stdout
