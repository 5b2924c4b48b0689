"""What counts as a disturbance between two moments."""

from dataclasses import replace

import pytest

from harness.conditions import Conditions, disturbance, others_share
from harness.environment import Power

MIB = 2**20
START = Conditions(
    clock_seconds=1000.0,
    cores=2,
    busy_seconds=5000.0,
    own_seconds=300.0,
    load_average=0.5,
    frequency_mhz=3000.0,
    governor="performance",
    power=Power.AC,
    temperature_celsius=50.0,
    throttle_count=7,
    available_memory_bytes=4096 * MIB,
    swapped_in_bytes=100 * MIB,
)
QUIET = replace(
    START,
    clock_seconds=1010.0,
    busy_seconds=5012.0,
    own_seconds=311.0,
    load_average=4.0,
    frequency_mhz=900.0,
    temperature_celsius=95.0,
    available_memory_bytes=2048 * MIB,
    swapped_in_bytes=101 * MIB,
)


def test_a_stretch_of_our_own_work_is_undisturbed_however_warm_or_slow():
    assert disturbance(START, QUIET, 0.1) == ""


@pytest.mark.parametrize(("used", "alarm"), [(9.9, False), (10.2, True)])
def test_others_may_use_their_share_of_all_cores_and_no_more(used, alarm):
    end = replace(QUIET, busy_seconds=START.busy_seconds + 11.0 + used)
    found = disturbance(START, end, 0.5)
    assert found == ("others used 51% of the processors' time" if alarm else "")


def test_the_share_of_others_is_what_is_left_of_the_busy_time():
    end = replace(QUIET, busy_seconds=START.busy_seconds + 16.0)
    assert others_share(START, end) == pytest.approx((16 - 11 - 0.04) / 20)


def test_ticks_of_the_clock_are_nobodys_work():
    end = replace(START, clock_seconds=1000.05, busy_seconds=5000.08, own_seconds=300.04)
    assert others_share(START, end) == pytest.approx(0)
    assert disturbance(START, end, 0.1) == ""


@pytest.mark.parametrize("busy", [5000.0, 5011.0])
def test_our_own_time_beyond_the_busy_time_leaves_others_none(busy):
    assert others_share(START, replace(QUIET, busy_seconds=busy)) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"busy_seconds": None},
        {"own_seconds": None},
        {"own_seconds": 299.0},
        {"busy_seconds": 0.0},
        {"clock_seconds": 1000.0},
        {"clock_seconds": 999.0},
    ],
)
def test_a_share_that_cannot_be_known_is_no_disturbance(changed):
    end = replace(QUIET, **{"busy_seconds": 9000.0, **changed})
    assert others_share(START, end) is None
    assert disturbance(START, end, 0.1) == ""


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"power": Power.BATTERY}, "the power source went from ac to battery"),
        ({"governor": "powersave"}, "the frequency governor went from performance to powersave"),
        ({"governor": ""}, "the frequency governor went from performance to unknown"),
        ({"throttle_count": 12}, "heat slowed the processors down 5 times"),
        ({"available_memory_bytes": 200 * MIB}, "200 MiB of memory were left"),
        ({"swapped_in_bytes": 164 * MIB}, "64 MiB were swapped in"),
    ],
)
def test_what_disturbed_is_named(changed, named):
    assert disturbance(START, replace(QUIET, **changed), 0.5) == named


@pytest.mark.parametrize(
    ("throttled_ms", "named"),
    [
        ((900, 499), ""),
        ((899, 500), "heat slowed the processors down for 5% of the time"),
        ((1900, 2500), "heat slowed the processors down for 25% of the time"),
        ((900, 90_000), "heat slowed the processors down for 100% of the time"),
        ((), "heat slowed the processors down 93 times"),
        ((900,), "heat slowed the processors down 93 times"),
    ],
)
def test_moments_of_heat_disturb_only_where_their_time_is_not_told(throttled_ms, named):
    start = replace(START, throttled_ms=(900, 0))
    end = replace(QUIET, throttle_count=100, throttled_ms=throttled_ms)
    assert disturbance(start, end, 0.5) == named


def test_two_disturbances_are_one_clause():
    end = replace(QUIET, power=Power.BATTERY, throttle_count=8)
    assert disturbance(START, end, 0.5) == (
        "the power source went from ac to battery and heat slowed the processors down once"
    )


def test_a_system_that_tells_nothing_disturbs_nothing():
    assert disturbance(Conditions(0.0, 1), Conditions(10.0, 1), 0.0) == ""


def test_conditions_without_a_core_are_refused():
    with pytest.raises(ValueError, match="cores must be positive: found 0"):
        Conditions(0.0, 0)
