"""Device profiles: what is in them, what is refused, and what a machine can stand in for."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.device import (
    Budget,
    Device,
    Limits,
    Machine,
    device_of,
    gain_by_cores,
    limits_of,
    problems,
    reference_limits,
    remarks,
    shortage,
    speed_doubt,
)
from harness.errors import ConfigError
from harness.store import read_device

DEVICES = Path(__file__).parent.parent / "fixtures" / "devices"
MACHINE = Machine("x86_64", 2, 24000, ("avx2",))


@pytest.fixture
def laptop() -> Device:
    return read_device("laptop-8gb", DEVICES, DEVICES)


def table(**changed):
    known = {
        "architecture": "x86_64", "cores": 4, "threads": 2, "memory_mib": 8192,
        "available_mib": 4096,
        "budgets": {
            "prompt_tokens": 128, "ttft_ms": 1000, "tokens_per_second": 8.5, "peak_mib": 3072,
            "load_s": 6, "disk_mib": 2560,
        },
    }  # fmt: skip
    return known | changed


@pytest.mark.parametrize("path", sorted(DEVICES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_profile_can_be_read_and_says_what_each_number_is_for(path):
    device = read_device(path.stem, path.parent, DEVICES)
    assert device.name == path.stem
    assert device.description
    assert device.budgets.disk_mib < device.memory_mib
    budgets = path.read_text(encoding="utf-8").partition("[budgets]\n")[2].strip().splitlines()
    assert len(budgets) == 1 + len(Budget)
    assert all(" # " in line for line in budgets)


def test_the_tiers_of_small_models_have_a_device_each():
    names = {path.stem for path in DEVICES.glob("*.toml")}
    assert {"laptop-8gb", "laptop-16gb", "arm-4core", "phone-6gb", "desktop-32gb"} <= names


def test_every_mistake_is_told_at_once_with_the_nearest_key():
    bad = table(cores=0, threads="two", memry_mib=1, instructions="avx2")
    del bad["architecture"]
    bad["budgets"] = {"ttft": 1000, "load_s": -1, "peak_mib": True}
    found = problems(bad)
    assert (
        "unknown key memry_mib (did you mean memory_mib?); accepted: description, architecture, "
        "instructions, cores, threads, memory_mib, available_mib, budgets, measured"
    ) in found
    assert (
        "unknown key budgets.ttft (did you mean budgets.ttft_ms?); accepted: prompt_tokens, "
        "ttft_ms, tokens_per_second, peak_mib, load_s, disk_mib"
    ) in found
    assert "cores must be a whole number over 0: found 0" in found
    assert "threads must be a whole number over 0: found 'two'" in found
    assert "budgets.load_s must be a number over 0: found -1" in found
    assert "budgets.peak_mib must be a number over 0: found True" in found
    assert "instructions must be a list of names: found 'avx2'" in found
    assert "the key architecture is missing" in found
    assert "the key budgets.disk_mib is missing" in found
    with pytest.raises(ConfigError) as caught:
        device_of("mine", bad)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(found)
    assert all(line.startswith("mine: ") for line in lines)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threads": 5}, "threads must not be over cores: found 5 and 4"),
        ({"available_mib": 9000}, "available_mib must not be over memory_mib: found 9000 and 8192"),
        (
            {"available_mib": 2048},
            "budgets.peak_mib must not be over available_mib: found 3072 and 2048",
        ),
        ({"budgets": 3}, "budgets must be a table: found 3"),
        ({"description": 3}, "description must be text: found 3"),
        ({"cores": float("inf")}, "cores must be a whole number over 0: found inf"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    assert message in problems(table(**change))


def test_a_sound_table_has_no_problems():
    assert problems(table()) == []
    assert device_of("mine", table(instructions=["avx2"])).instructions == ("avx2",)


def test_an_own_file_extends_a_profile_and_says_what_is_other(tmp_path, laptop):
    (tmp_path / "mine.toml").write_text('extends = "laptop-8gb"\n[budgets]\npeak_mib = 10\n')
    found = read_device("mine.toml", tmp_path, DEVICES)
    assert (found.name, found.budget(Budget.PEAK)) == ("mine", 10)
    assert replace(found, name=laptop.name, budgets=laptop.budgets) == laptop
    assert replace(found.budgets, peak_mib=3072) == laptop.budgets
    (tmp_path / "further.toml").write_text('extends = "mine.toml"\ncores = 8\n')
    assert read_device("further.toml", tmp_path, DEVICES).cores == 8


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ("laptop-8g", "no device profile 'laptop-8g' (did you mean 'laptop-8gb'?); there are arm-"),
        ("absent.toml", "absent.toml"),
        ("circle.toml", "circle.toml extends itself"),
        ("number.toml", "extends must be the name or path of a profile: 3"),
        ("broken.toml", "the device profile broken.toml is not TOML"),
    ],
)
def test_a_profile_that_cannot_be_read_is_refused_by_name(tmp_path, profile, message):
    (tmp_path / "circle.toml").write_text('extends = "circle.toml"')
    (tmp_path / "number.toml").write_text("extends = 3")
    (tmp_path / "broken.toml").write_text("cores = ")
    with pytest.raises(ConfigError) as caught:
        read_device(profile, tmp_path, DEVICES)
    assert message in str(caught.value)


def test_a_machine_is_made_as_small_as_the_device(laptop):
    big = replace(MACHINE, cores=16)
    assert limits_of(laptop, big, tuple(range(16))) == Limits((0, 1, 2, 3), 2, 4096 * 2**20)
    assert limits_of(laptop, MACHINE, (3, 5)) == Limits((3, 5), 1, 4096 * 2**20)
    assert limits_of(laptop, replace(MACHINE, cores=1), (0,)).threads == 1
    system = replace(MACHINE, can_pin=False, can_cap=False)
    assert limits_of(laptop, system, (0, 1)) == Limits((), 1, 0)


def test_another_architecture_says_nothing_and_less_of_the_same_is_a_shortage(laptop):
    assert speed_doubt(laptop, MACHINE) == ""
    arm = replace(MACHINE, architecture="aarch64")
    assert speed_doubt(laptop, arm) == "was measured on aarch64, which says nothing of x86_64"
    assert shortage(laptop, replace(MACHINE, cores=4)) == ""
    assert shortage(laptop, MACHINE) == "measured on 2 of 4 cores"
    old = replace(MACHINE, instructions=())
    assert shortage(laptop, old) == "measured on 2 of 4 cores and without avx2"
    assert gain_by_cores(laptop, MACHINE) == 2
    assert gain_by_cores(laptop, replace(MACHINE, cores=16)) == 1
    assert gain_by_cores(laptop, old) == float("inf")


def test_the_reader_is_told_what_stood_in_for_what(laptop):
    assert remarks(laptop, MACHINE) == (
        "measured for the device laptop-8gb on 2 of 4 cores, with 1 of 2 threads and 4,096 MiB of "
        "memory",
    )
    wide = replace(MACHINE, instructions=("avx2", "amx_int8"), memory_mib=2000)
    assert any(
        "this machine has amx_int8, which laptop-8gb lacks" in it for it in remarks(laptop, wide)
    )
    assert "this machine has less memory (2,000 MiB) than the device" in remarks(laptop, wide)
    assert any(
        "limits no process to 4 cores" in it
        for it in remarks(laptop, replace(MACHINE, can_pin=False))
    )
    arm = remarks(laptop, replace(MACHINE, architecture="aarch64"))
    assert "another instruction set is not emulated" in arm[1]
    [none] = remarks(None, MACHINE)
    assert none.startswith("no device's budgets were checked")


def test_a_reference_that_no_device_has_room_for_is_measured_all_the_same():
    limits = Limits((0,), 1, 4096 * 2**20)
    assert reference_limits(limits, 1024 * 2**20) == limits
    assert reference_limits(limits, 5600 * 2**20) == Limits((0,), 1, 0)
