"""What this machine tells of itself."""

import platform
from importlib.metadata import version

import pytest

from harness.environment import Power, differences
from harness.probes import host
from harness.probes.host import capture_environment


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
