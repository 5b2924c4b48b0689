"""``python -m harness device``: this machine as a profile that can be read again."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.device import Machine
from harness.device_command import as_toml, profile_of
from harness.probes.machine import capture_machine
from harness.store import read_device

DEVICES = Path(__file__).parent.parent / "fixtures" / "devices"
KNOWN = [read_device(name, DEVICES, DEVICES) for name in ("laptop-8gb", "laptop-16gb")]


def test_this_machine_is_printed_and_written_as_a_profile(tmp_path, capsys):
    path = tmp_path / "mine.toml"
    assert main(["device", "--output", str(path)]) == 0
    assert capsys.readouterr().out == path.read_text()
    device, machine = read_device(str(path), tmp_path, DEVICES), capture_machine()
    assert (device.cores, device.memory_mib) == (machine.cores, machine.memory_mib)
    assert (device.architecture, device.instructions) == (
        machine.architecture,
        machine.instructions,
    )
    assert tomllib.loads(path.read_text())["measured"]["matrix_gflops"] > 0


def test_a_model_is_measured_in_the_units_of_budgets(embedded, tmp_path, capsys):
    assert main(["device", "--model", str(embedded["int4"])]) == 0
    measured = tomllib.loads(capsys.readouterr().out)["measured"]
    assert {"ttft_ms", "tokens_per_second", "load_s", "peak_mib"} <= measured.keys()
    assert min(measured.values()) > 0
    assert 20 < measured["peak_mib"] < 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--output", "there.toml"), "is there already"), (("--model", "."), "is no onnxruntime-")],
)
def test_what_would_be_lost_or_cannot_be_measured_is_refused(
    arguments, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.toml").write_text("mine")
    assert main(["device", *arguments]) == 4
    assert message in capsys.readouterr().err
    assert (tmp_path / "there.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("memory_mib", "budgets_of"),
    [(2000, "laptop-8gb"), (9000, "laptop-8gb"), (24000, "laptop-16gb")],
)
def test_budgets_are_the_largest_devices_that_the_machine_has_the_memory_of(
    memory_mib, budgets_of, tmp_path
):
    machine = Machine("x86_64", 3, memory_mib, ("avx2",))
    device = profile_of(machine, KNOWN)
    assert device.description.endswith(f"budgets of {budgets_of}")
    assert device.threads == 1
    (tmp_path / "measured.toml").write_text(as_toml(device, {"matrix_gflops": 1.0}))
    assert read_device("measured.toml", tmp_path, DEVICES) == device
    one_core = profile_of(replace(machine, cores=1), KNOWN)
    assert one_core.threads == 1
