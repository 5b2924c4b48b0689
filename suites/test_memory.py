"""How much memory it takes, and whether requests, contexts and reloads leave some behind."""

from collections.abc import Sequence
from dataclasses import replace

from harness.bench import Bench
from harness.measurement import Measurement
from harness.metrics.memory import (
    differences,
    hour_labels,
    request_labels,
    shares,
    thousands,
    total,
)
from harness.plugins.measure import Record
from harness.probes.memory import STATUS_SOURCE, Memory
from harness.runtimes.channel import Hold, Reload
from harness.soak import Counter, Kind, Run, Soak, soak

RECORDED = (
    "private",
    "heap",
    "peak",
    "private_loaded",
    "mapped_loaded",
    "private_steady",
    "mapped_steady",
    "private_by_hours",
)
CONTEXT_PARTS = (2, 4, 8, 16)
ANSWER_TOKENS = 2
REQUESTS_PER_RELOAD = 4
BYTES = {"KiB": 2**10, "MiB": 2**20, "share": 1}


def test_memory(bench: Bench, record: Record) -> None:
    """Memory after load, at work and at its peak, and its growth over cycles of equal requests."""
    if not bench.is_judged(*RECORDED):
        record(bench.unjudged("private"))
        return
    loaded, soaks = bench.together("soak", _soaked)
    if STATUS_SOURCE not in loaded.source:
        bench.remark(f"memory is counted by {loaded.source}")
    answered = next(it for it in soaks if it.kind is Kind.ANSWERED)
    record(
        *_parts(bench, "loaded", [loaded]),
        *_parts(bench, "steady", answered.samples[len(answered.samples) // 2 :]),
        *(_peak(bench, beside) for beside in bench.rivals),
        _growth(bench, "private", soaks, Counter.PRIVATE),
        _growth(bench, "heap", soaks, Counter.HEAP),
        _hours(bench, soaks, answered.per_second),
    )


def _soaked(bench: Bench) -> tuple[Memory, list[Soak]]:
    """Memory after the load, and what cycles of every kind did to it."""
    with bench.fresh() as runtime:
        loaded = runtime.settled()
        cycles = bench.soak_cycles()
        return loaded, [bench.soak(runtime, kind, cycle) for kind, cycle in cycles.items()]


def test_context(bench: Bench, record: Record) -> None:
    """Private memory that a context holds, by its length, and the peak with the longest one."""
    if not bench.is_judged("context", "context_peak"):
        record(bench.unjudged("context"))
        return
    _, *lengths = _lengths(bench)
    peak, holds = bench.together("context", _held)
    held = [it.held.private_bytes for it in holds]
    released = [it.released.private_bytes for it in holds]
    record(
        _counted(bench, "context", "KiB", differences(held, released), thousands(lengths)),
        _counted(bench, "context_peak", "MiB", [peak]),
    )


def _lengths(bench: Bench) -> list[int]:
    """The whole context, in tokens, which is what a device must have room for, and parts of it as
    far as the plan's ladder goes.
    """
    longest = bench.context_tokens
    most = min(longest, bench.plan.scaling_longest_tokens or longest)
    parts = [most // part for part in CONTEXT_PARTS]
    return [longest, *(it for it in parts if it > ANSWER_TOKENS)]


def _held(bench: Bench) -> tuple[int | None, list[Hold]]:
    """The peak with the longest context, and memory while each part of it is held.

    The longest first: what the engine's arenas take for it they keep, whoever comes next.
    """
    longest, *lengths = _lengths(bench)
    prompt = bench.long_prompt(longest)
    with bench.fresh() as runtime:
        peak = runtime.hold(prompt[:-ANSWER_TOKENS], ANSWER_TOKENS).held.peak_bytes
        return peak, [runtime.hold(prompt[: it - ANSWER_TOKENS], ANSWER_TOKENS) for it in lengths]


def test_reload(bench: Bench, record: Record) -> None:
    """What closing the model gives back of what it took, and what each reload leaves behind."""
    if not bench.is_judged("given_back", "left_behind"):
        record(bench.unjudged("given_back"))
        return
    reloads = bench.together("reload", _reloaded)
    before = [total(it.before.private_bytes, it.before.mapped_bytes) for it in reloads[1:]]
    closed = [total(it.closed.private_bytes, it.closed.mapped_bytes) for it in reloads]
    given, taken = differences(before, closed[1:]), differences(before, closed[:-1])
    record(
        _counted(bench, "given_back", "share", shares(given, taken)),
        _counted(bench, "left_behind", "KiB", differences(closed[1:], closed[:-1])),
    )


def _reloaded(bench: Bench) -> list[Reload]:
    """Reloads with some answers before each; the first is there to count from."""
    cycle = bench.soak_cycles()[Kind.ANSWERED][:REQUESTS_PER_RELOAD]
    reloads = []
    with bench.fresh() as runtime:
        for _ in range(bench.plan.memory_reloads + 1):
            soak(runtime, Kind.ANSWERED, cycle, Run(1, at_once=bench.at_once))
            reloads.append(runtime.reload())
    return reloads


def _parts(bench: Bench, when: str, samples: Sequence[Memory]) -> tuple[Measurement, ...]:
    """Private memory and mapped files apart: only one of them is there for this model alone."""
    return (
        _counted(bench, f"private_{when}", "MiB", [it.private_bytes for it in samples]),
        _counted(bench, f"mapped_{when}", "MiB", [it.mapped_bytes for it in samples]),
    )


def _peak(bench: Bench, beside: str) -> Measurement:
    mine, theirs = bench.peak_bytes(bench.variant.name), bench.peak_bytes(beside)
    if theirs is None:
        return _counted(bench, "peak", "MiB", [theirs])
    peak = _counted(bench, "peak", "MiB", [mine])
    return replace(peak, reference_values=(theirs / BYTES["MiB"],), beside=beside)


def _growth(bench: Bench, metric: str, soaks: Sequence[Soak], counter: Counter) -> Measurement:
    labels = [
        label for it in soaks for label in request_labels(it.kind, it.requests, len(it.samples))
    ]
    levels = [level for it in soaks for level in it.levels(counter)]
    return _counted(bench, metric, "KiB", levels, labels)


def _hours(bench: Bench, soaks: Sequence[Soak], per_second: float) -> Measurement:
    """Levels by the time that so many requests take one after the other, of whatever kind."""
    labels = [
        label
        for it in soaks
        for label in hour_labels(it.kind, it.requests, len(it.samples), per_second)
    ]
    levels = [level for it in soaks for level in it.levels(Counter.PRIVATE)]
    found = _counted(bench, "private_by_hours", "KiB", levels, labels)
    return replace(found, room=float(bench.room_kib))


def _counted(
    bench: Bench,
    metric: str,
    unit: str,
    counts: Sequence[float | None],
    labels: Sequence[str] = (),
) -> Measurement:
    """A measurement of counts of bytes, or one that says why it is none."""
    values = [it / BYTES[unit] for it in counts if it is not None]
    if len(values) == len(counts):
        return bench.sample(metric, unit, values, labels=labels)
    return replace(bench.sample(metric, unit, ()), absence="this system has no counter for it")
