"""pytest-benchmark's own output of a gate's session, and what its options do to the verdict."""

import json
import re
import statistics
import subprocess
import sys
import tomllib

import pytest

from harness.plugins.benchmarks import regressions

LATENCY = "suites/test_latency.py"
PACKAGING = "suites/test_packaging.py"
TIMED = {f"test_{check}[{name}]" for check in ("latency", "load_time") for name in ("fp32", "int4")}


def file_of(gate, number):
    (path,) = (gate.folder / "timings").rglob(f"{number:04d}_*.json")
    return path


def saved(gate, number):
    return {it["name"]: it for it in json.loads(file_of(gate, number).read_text())["benchmarks"]}


def measured(gate, variant, metric):
    path = gate.folder / "reports" / "latest" / "evidence.json"
    found = json.loads(path.read_text())["measurements"]
    return next(it["values"] for it in found if (it["variant"], it["metric"]) == (variant, metric))


ONE_MACHINE = """
def pytest_benchmark_update_machine_info(machine_info):
    machine_info.clear()
"""


@pytest.fixture
def keep(gate, monkeypatch):
    """Run the latency suite with a storage of its own, on what is one machine at any frequency."""
    (gate.folder / "one_machine.py").write_text(ONE_MACHINE)
    monkeypatch.setenv("PYTHONPATH", str(gate.folder))
    monkeypatch.setenv("PYTEST_PLUGINS", "one_machine")
    storage = f"--benchmark-storage=file://{gate.folder / 'timings'}"

    def run(*options, suites=LATENCY):
        return gate.run(storage, *options, suites=suites)

    return run


def test_saved_timings_are_the_measured_ones_and_can_be_compared(gate, keep):
    first = keep("--benchmark-save=first", "--benchmark-save-data")
    assert first.status == 6, first.output
    timings = saved(gate, 1)
    assert set(timings) == TIMED
    latency, load = timings["test_latency[int4]"], timings["test_load_time[int4]"]
    totals = measured(gate, "int4", "latency.total")
    assert latency["stats"]["data"] == [value * 1e-3 for value in totals]
    assert load["stats"]["data"] == measured(gate, "int4", "latency.load")
    assert (latency["group"], load["group"]) == ("latency.latency", "latency.load_time")
    extra = latency["extra_info"]
    assert extra["digest"] == first.report["variants"]["int4"]["digest"]
    assert (extra["variant"], extra["precision"]) == ("int4", "int4")
    assert extra["ttft_ms"] == statistics.median(measured(gate, "int4", "latency.ttft"))
    assert extra["itl_ms"] == statistics.median(measured(gate, "int4", "latency.itl"))
    assert extra["decode_tokens_per_second"] > 0

    second = keep("--benchmark-save=second", "--benchmark-compare=0001")
    assert second.status == 6, second.output
    for word in ("test_latency[int4] (0001_first)", "test_latency[int4] (NOW)"):
        assert word in second.output
    command = ["-m", "pytest_benchmark", "--storage", str(gate.folder / "timings"), "compare"]
    compared = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert compared.returncode == 0, compared.stderr
    for name in ("0001_first", "0002_second"):
        assert f"test_load_time[int4] ({name})" in compared.stdout


def test_a_session_that_asks_for_nothing_of_pytest_benchmark_shows_nothing_of_it(gate):
    ended = gate.run(suites=LATENCY)
    assert "Rounds" not in ended.output
    assert "Benchmark" not in ended.output


@pytest.mark.parametrize("option", ["--benchmark-only", "--benchmark-skip", "--benchmark-disable"])
def test_a_session_that_pytest_benchmark_cuts_short_is_never_go(keep, option):
    ended = keep(option, "--benchmark-save=cut", suites=f"{PACKAGING} {LATENCY}")
    assert ended.status == 6, ended.output
    assert ended.report["verdict"] == "INCONCLUSIVE"
    assert ended.packages == []


def test_only_runs_the_timed_checks(gate, keep):
    keep("--benchmark-only", "--benchmark-save=some", suites=f"{PACKAGING} {LATENCY}")
    assert set(saved(gate, 1)) == TIMED


FAILING = ("--benchmark-compare=earlier/0001", "--benchmark-compare-fail=median:50%")
STATISTICS = ("min", "max", "mean", "stddev", "median", "iqr", "ops", "rounds", "iterations")


@pytest.fixture
def earlier(gate):
    """Save a run as 0001 that took so many seconds for everything."""

    def make(seconds, names=TIMED):
        benchmarks = [
            {
                "name": name,
                "fullname": f"{LATENCY}::{name}",
                "stats": {"outliers": "0;0", **dict.fromkeys(STATISTICS, seconds)},
            }
            for name in names
        ]
        path = gate.folder / "timings" / "earlier" / "0001_earlier.json"
        path.parent.mkdir(parents=True)
        run = {"machine_info": {}, "commit_info": {}, "benchmarks": benchmarks}
        path.write_text(json.dumps(run))

    return make


POLICY = """
required = ["latency.latency", "latency.load_time"]
[plan]
{plan}
[rules."latency.load"]
subject = "time to load"
metric = "latency.load"
statistic = "maximum"
at_most = 1e6
"""


@pytest.mark.parametrize(("seconds", "verdict"), [(1e-6, "INCONCLUSIVE"), (1e6, "GO")])
def test_a_regression_that_was_to_fail_the_session_leaves_nothing_decided(
    gate, keep, earlier, seconds, verdict
):
    earlier(seconds)
    policy = gate.write({}, "no:runtime").with_name("latency.toml")
    brief = tomllib.loads(policy.with_name("policy.toml").read_text())["plan"]
    plan = {**brief, "disturbed_share": 1.0}  # nothing that others do shall keep it from GO
    policy.write_text(POLICY.format(plan="\n".join(f"{key} = {it}" for key, it in plan.items())))
    options = ("--no-publish", "--policy", str(policy))
    ended = keep(*FAILING, *options)
    assert ended.status == {"GO": 0, "INCONCLUSIVE": 6}[verdict], ended.output
    assert ended.report["verdict"] == verdict
    regressed = r"--benchmark-compare-fail: test_latency\[int4\] \(.+\): Field 'median' has failed"
    assert bool(re.search(regressed, ended.output)) == (verdict != "GO")
    assert "release gate" in ended.output
    assert "Traceback" not in ended.output


def test_what_the_earlier_run_does_not_have_has_not_passed(keep, earlier):
    earlier(1e6, TIMED - {"test_latency[int4]"})
    ended = keep(*FAILING)
    assert ended.status == 6, ended.output
    assert "test_latency[int4] is not in the run compared with" in ended.output
    assert "test_load_time[int4] is not" not in ended.output


def test_a_comparison_of_nothing_has_not_passed(keep, earlier):
    earlier(1e6)
    ended = keep(*FAILING, suites=PACKAGING)
    assert ended.status == 6, ended.output
    assert "--benchmark-compare-fail: nothing was timed" in ended.output


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--benchmark-compare-fail=min:5%", "--benchmark-compare-fail has nothing to compare with"),
        ("--benchmark-json=no/such/folder/x.json", "there is no folder no/such/folder"),
    ],
)
def test_what_could_not_be_done_at_the_end_is_refused_before_anything_is_measured(
    gate, keep, option, reason
):
    ended = keep(option)
    assert ended.status == 4, ended.output
    assert reason in ended.output
    assert ended.report == {}


def test_a_file_that_cannot_be_written_is_neither_go_nor_no_go(gate, keep):
    ended = keep(f"--benchmark-json={gate.folder}")
    assert ended.status == 3, ended.output
    assert "IsADirectoryError" in ended.output


def test_a_pytest_benchmark_without_what_decides_is_named():
    config = Config()
    assert regressions(config) == []
    config.options["benchmark_compare_fail"] = ["min:5%"]
    with pytest.raises(pytest.UsageError, match="has no benchmarks, compared_mapping, performance"):
        regressions(config)


class Config:
    """A pytest whose pytest-benchmark is another one."""

    def __init__(self):
        self.options = {}
        self.pluginmanager = self

    def getoption(self, name, default):
        return self.options.get(name, default)

    def get_plugin(self, name):
        return object()
