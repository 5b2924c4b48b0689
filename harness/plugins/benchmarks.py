"""Hands the latency suite's timings to pytest-benchmark, where its output is asked for."""

from __future__ import annotations

import statistics
import traceback
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.terminal import TerminalReporter

from harness.measurement import Measurement
from harness.plugins.measure import check_of, suite_of, variant_of
from harness.plugins.notebook import NOTEBOOK, Notebook
from harness.plugins.options import is_gate

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

TIMED = {"latency.latency": "latency.total", "latency.load_time": "latency.load"}
"""By check, the metric whose values are the rounds of its benchmark."""

_EXTRA = {
    "latency.ttft": "ttft_ms",
    "latency.itl": "itl_ms",
    "latency.prefill_rate": "prefill_tokens_per_second",
    "latency.decode_rate": "decode_tokens_per_second",
}
_SECONDS = {"s": 1.0, "ms": 1e-3}
_ASKING = ("save", "autosave", "json", "compare", "compare_fail", "histogram", "only")
_NEEDED = ("benchmarks", "compared_mapping", "performance_regressions")


class Replay:
    """A clock on which work takes the seconds that were measured, one round after the other."""

    def __init__(self) -> None:
        self._rounds: Iterator[float] = iter(())
        self._round = self._now = 0.0

    def measured_seconds(self) -> float:
        """The time, which passes in `work` alone."""
        return self._now

    def load(self, seconds: list[float]) -> None:
        """Say how long each round shall take."""
        self._rounds = iter(seconds)

    def begin_round(self) -> None:
        """Set the clock back, so that the round takes its seconds to the last bit."""
        self._round, self._now = next(self._rounds, 0.0), 0.0

    def work(self) -> None:
        """Let the round's time pass."""
        self._now = self._round


_REPLAY: pytest.StashKey[Replay] = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Make benchmarks of the timed checks, before pytest-benchmark looks which tests are."""
    if is_gate(config) and _is_asked(config):
        for item in items:
            if isinstance(item, pytest.Function) and _check(item) in TIMED and variant_of(item):
                _make_benchmark(item)


def _is_asked(config: pytest.Config) -> bool:
    return any(config.getoption(f"benchmark_{name}", None) for name in _ASKING)


def _check(item: pytest.Item) -> str:
    return f"{suite_of(item)}.{check_of(item)}"


def _make_benchmark(item: pytest.Function) -> None:
    replay = item.stash[_REPLAY] = Replay()
    item.add_marker(pytest.mark.benchmark(group=_check(item), timer=replay.measured_seconds))
    item.fixturenames = [*item.fixturenames, "benchmark", "kept_timings"]


@pytest.fixture
def kept_timings(request: pytest.FixtureRequest, benchmark: BenchmarkFixture) -> Iterator[None]:
    """Once the test has recorded its measurements, they are its benchmark's rounds."""
    yield
    notebook, item = request.config.stash[NOTEBOOK], request.node
    name = str(variant_of(item))
    timed = _of_variant(notebook, name, TIMED[_check(item)])
    if timed is None or not timed.values:
        return
    replay = item.stash[_REPLAY]
    replay.load([value * _SECONDS[timed.unit] for value in timed.values])
    benchmark.extra_info.update(_extra_info(notebook, name))
    benchmark.pedantic(replay.work, setup=replay.begin_round, rounds=len(timed.values))


def _of_variant(notebook: Notebook, name: str, metric: str) -> Measurement | None:
    """Its measurement, the one beside the reference where there are several."""
    found = (it for it in notebook.measurements if (it.variant, it.metric) == (name, metric))
    return next(found, None)


def _extra_info(notebook: Notebook, name: str) -> dict[str, str | float]:
    subject = notebook.subject(name)
    found = {key: _of_variant(notebook, name, metric) for metric, key in _EXTRA.items()}
    return {
        "variant": name,
        "digest": subject.digest,
        "precision": str(subject.precision or ""),
        **{key: statistics.median(it.values) for key, it in found.items() if it and it.values},
    }


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse what pytest-benchmark would fail of at the end, when all is measured."""
    config = session.config
    if not is_gate(config) or not _is_asked(config):
        return
    path = config.getoption("benchmark_json", None)
    if path is not None and not path.absolute().parent.is_dir():
        raise pytest.UsageError(f"--benchmark-json: there is no folder {path.parent}")
    if config.getoption("benchmark_compare_fail", None):
        known = _require_known(config)
        if not known.compared_mapping:
            raise pytest.UsageError(
                "--benchmark-compare-fail has nothing to compare with: "
                "name a saved run by --benchmark-compare"
            )


def _require_known(config: pytest.Config) -> Any:
    """pytest-benchmark's session, which has what decides about --benchmark-compare-fail."""
    found = config.pluginmanager.get_plugin("pytest-benchmark")
    missing = [name for name in _NEEDED if not hasattr(found, name)]
    if missing:
        raise pytest.UsageError(
            "--benchmark-compare-fail: the session of this pytest-benchmark has no "
            f"{', '.join(missing)}; install pytest-benchmark 5.3"
        )
    return found


def regressions(config: pytest.Config) -> list[str]:
    """Why --benchmark-compare-fail leaves nothing decided; nothing where it was not asked for.

    A benchmark that the run compared with does not have was not compared, and so has not passed.
    """
    if not config.getoption("benchmark_compare_fail", None):
        return []
    known = _require_known(config)
    compared = [name for names in known.compared_mapping.values() for name in names]
    absent = [it.name for it in known.benchmarks if it.fullname not in compared]
    found = [f"{name}: {why}" for name, why in known.performance_regressions]
    found += [f"{name} is not in the run compared with" for name in absent]
    if not known.benchmarks:
        found.append("nothing was timed")
    return [f"--benchmark-compare-fail: {why}" for why in found]


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_terminal_summary(
    terminalreporter: TerminalReporter, config: pytest.Config
) -> Generator[None, object, object]:
    """A regression has been told to the gate, whose verdict it must not keep from being shown."""
    from pytest_benchmark.session import PerformanceRegression

    try:
        return (yield)
    except PerformanceRegression:
        if not is_gate(config):
            raise
        return None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """What fails at the end, writing a file say, would let pytest end with 1, which says NO-GO."""
    try:
        return (yield)
    except Exception:  # shown below, with status 3: pytest's own 1 would say NO-GO
        if not is_gate(session.config):
            raise
        session.config.get_terminal_writer().write(traceback.format_exc())
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
        return None
