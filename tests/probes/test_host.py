"""What this machine tells of itself."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from harness.answer import Request
from harness.conditions import Conditions
from harness.environment import Power, differences
from harness.probes import host
from harness.probes.host import capture_conditions, capture_environment
from harness.runtimes.isolated import Isolated


def test_this_machine_can_be_compared_with_itself() -> None:
    one, other = capture_environment(), capture_environment()
    assert differences(one, other) == ()
    assert one.fingerprint == other.fingerprint


def test_hardware_system_and_versions_are_told() -> None:
    found = capture_environment(provider="cuda", threads=4)
    assert found.processor
    assert found.cores >= 1
    assert found.memory_bytes > 2**20
    assert platform.system() in found.system
    assert ("numpy", version("numpy")) in found.versions
    assert (found.provider, found.threads) == ("cuda", 4)


def test_what_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_DISTRIBUTIONS", ("no-such-distribution", "numpy"))
    assert [name for name, _ in capture_environment().versions] == ["numpy"]


@pytest.mark.parametrize(("quota", "cores"), [(None, 8), (0.5, 1), (2.5, 2), (64.0, 8)])
def test_a_containers_quota_counts_for_cores_and_leaves_what_the_machine_does_alone(
    quota: float | None, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "processor_quota", lambda: quota)
    monkeypatch.setattr(host, "_scheduled_cores", lambda: 8)
    assert host.usable_cores() == cores
    assert capture_conditions().cores == 8


class Battery:
    def __init__(self, power_plugged: bool | None) -> None:
        self.power_plugged = power_plugged


@pytest.mark.parametrize(
    ("battery", "power"),
    [
        (None, Power.UNKNOWN),
        (Battery(None), Power.UNKNOWN),
        (Battery(True), Power.AC),
        (Battery(False), Power.BATTERY),
    ],
)
def test_power_is_what_the_battery_says(
    battery: Battery | None, power: Power, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psutil.sensors_battery", lambda: battery, raising=False)
    assert capture_environment().power is power


STAT = """\
cpu  300 20 100 9000 50 10 5 40 100 0
cpu0 200 10 60 4000 30 5 3 30 100 0
cpu1 100 10 40 5000 20 5 2 10 0 0
intr 12345 0 0
"""
VMSTAT = "pgpgin 7\npswpin 3\npswpout 9\n"
MEMINFO = "MemTotal: 8 kB\nSwapTotal: 8 kB\nSwapFree: 8 kB\n"
on_linux = pytest.mark.skipif(platform.system() != "Linux", reason="reads texts of Linux")


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"stat": STAT, "vmstat": VMSTAT, "meminfo": MEMINFO}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr("psutil.PROCFS_PATH", str(tmp_path))
    return tmp_path


@on_linux
@pytest.mark.parametrize(
    ("usable", "ticks"), [({0}, 308), ({1}, 167), ({0, 1}, 475)], ids=["first", "second", "both"]
)
def test_busy_is_the_work_of_our_cores_and_time_that_was_stolen(
    usable: set[int], ticks: int, proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: usable)
    assert host._busy_seconds() == pytest.approx(ticks / os.sysconf("SC_CLK_TCK"))


@on_linux
def test_cores_that_are_off_line_leave_the_busy_time_unknown(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {0, 2})
    assert host._busy_seconds() is None


@on_linux
def test_pages_that_were_swapped_in_are_bytes(proc: Path) -> None:
    assert host._swapped_in_bytes() == 3 * 4096


@on_linux
@pytest.mark.filterwarnings("error")
def test_a_system_without_a_count_of_swapping_says_nothing(proc: Path) -> None:
    (proc / "vmstat").unlink()
    assert host._swapped_in_bytes() == 0


def test_throttling_is_counted_over_all_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_SYSTEM", tmp_path)
    assert host._throttle_count() is None
    assert host._throttled_ms() == ()
    for core, counts in {"cpu0": ("3", "10"), "cpu11": ("4", ""), "cpufreq": ("5", "5")}.items():
        folder = tmp_path / core / "thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "core_throttle_count").write_text(f"{counts[0]}\n")
        (folder / "package_throttle_count").write_text(f"{counts[1]}\n")
        (folder / "core_throttle_total_time_ms").write_text(f"{counts[0]}00\n")
        (folder / "core_throttle_max_time_ms").write_text("99\n")
    assert host._throttle_count() == 3 + 10 + 4
    assert host._throttled_ms() == (300, 400)


def test_the_hottest_sensor_of_the_processor_is_the_temperature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_SENSORS", tmp_path)
    assert host._temperature_celsius() is None
    for number, (name, readings) in enumerate(
        [("nvme", ["90000"]), ("coretemp", ["41000", "62500", ""]), ("k10temp", ["55000"])]
    ):
        folder = tmp_path / f"hwmon{number}"
        folder.mkdir()
        (folder / "name").write_text(f"{name}\n")
        for sensor, reading in enumerate(readings):
            (folder / f"temp{sensor}_input").write_text(f"{reading}\n")
    assert host._temperature_celsius() == 62.5


@pytest.mark.parametrize("refusal", [OSError, NotImplementedError, RuntimeError])
def test_a_frequency_that_nobody_tells_is_none(
    refusal: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise refusal

    monkeypatch.setattr("psutil.cpu_freq", refuse)
    assert host._frequency_mhz() is None
    monkeypatch.setattr("psutil.cpu_freq", lambda: None)
    assert host._frequency_mhz() is None


def test_conditions_of_this_machine_are_captured() -> None:
    found = capture_conditions()
    assert found.cores == capture_environment().cores
    assert found.available_memory_bytes
    assert None not in (found.busy_seconds, found.own_seconds, found.swapped_in_bytes)
    assert _own(capture_conditions()) >= _own(found)


ROUNDING = 1e-6  # sums of seconds in another order
BURN = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"


def test_our_own_time_includes_children_while_they_live_and_after() -> None:
    before = _own(capture_conditions())
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=pipe, stdout=pipe) as child:
        assert child.stdout is not None
        child.stdout.readline()
        alive = _own(capture_conditions())
        child.communicate(b"\n")
    assert alive - before >= 0.25
    if platform.system() != "Windows":  # whose counts forget those that ended
        assert _own(capture_conditions()) >= alive - ROUNDING


@pytest.mark.parametrize("end", [Isolated.close, Isolated.kill])
def test_our_own_time_includes_who_we_ended_where_the_system_forgets_them(
    end: Callable[[Isolated], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful() -> os.times_result:
        return os.times_result((*times()[:2], 0.0, 0.0, times()[4]))

    times = os.times
    monkeypatch.setattr("os.times", forgetful)
    runtime = Isolated("harness.runtimes.scripted:Scripted", tmp_path)
    runtime.run([Request(text="a")])
    alive = _own(capture_conditions())
    end(runtime)
    assert _own(capture_conditions()) >= alive - ROUNDING


def _own(conditions: Conditions) -> float:
    assert conditions.own_seconds is not None
    return conditions.own_seconds
