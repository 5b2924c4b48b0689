"""How fast it answers, beside the reference and the baseline in fresh pairs of processes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from harness.answer import Answer
from harness.bench import Bench
from harness.measurement import Measurement
from harness.metrics import latency, threads
from harness.pairing import Pair, sides
from harness.plugins.measure import Record
from harness.probes.folder import read_folder
from harness.speed import UPTIME, PairedRun, loads, paired_run, questions

STEADY = {"ttft": latency.first_token_ms, "itl": latency.between_tokens_ms}
TIMES = {**STEADY, "total": latency.whole_ms}
LEAST_LATE_TOKENS = 9


def test_latency(bench: Bench, record: Record) -> None:
    """TTFT, ITL and whole answers to requests as users make them, as long as the reference's."""
    asked = questions(bench)
    runs = {
        beside: paired_run(bench, beside, asked, STEADY, partial(_times, bench, beside))
        for beside in bench.rivals
    }
    times = [it for beside, run in runs.items() for it in _times(bench, beside, run)]
    mine = [pair[0] for pair in next(iter(runs.values())).pairs]
    record(*times, *_rates(bench, mine))


def test_load_time(bench: Bench, record: Record) -> None:
    """Seconds to load the model, in a process that has just started and once more in the same, and
    until the first answer has begun.
    """
    found = []
    for beside in bench.rivals:
        measure = partial(_loads, bench, beside)
        found += measure(loads(bench, beside, measure))
    record(*found)


def test_threads(bench: Bench, record: Record) -> None:
    """Settings of threads in the variant's own configuration, beside the reference's."""
    names = (bench.variant.name, bench.reference)
    folders = (read_folder(bench.fleet.variant(name).directory) for name in names)
    mine, theirs = (threads.settings(it.model) for it in folders)
    differing = threads.differences(mine, theirs)
    counts = ([threads.own_threads(it)] for it in (mine, theirs))
    record(
        bench.sample("threads", "threads", next(counts), next(counts)),
        bench.sample("thread_settings", "count", [1.0] * len(differing) or [0.0], labels=differing),
    )


def _times(bench: Bench, beside: str, run: PairedRun) -> list[Measurement]:
    """Everything that a run of pairs says of time; beside itself only what may be its floor."""
    found = [_clustered(bench, name, beside, run) for name in TIMES]
    if beside != bench.variant.name:
        found += [*_late(bench, beside, run), *_uptime(bench, beside, run)]
    timed = run.timed
    found += [it(bench, beside, timed) for it in (_firsts, _gaps, _relative_gaps, _stalls)]
    return [replace(it, disturbance=run.trouble) for it in found]


def _clustered(bench: Bench, name: str, beside: str, run: PairedRun) -> Measurement:
    mine, theirs = sides(run.pairs, TIMES[name]).tolist()
    warm = sides(run.warmups, TIMES[name]).tolist()
    return replace(
        bench.sample(name, "ms", mine, theirs, beside=beside),
        clusters=tuple(run.names),
        planned=run.planned,
        warmups=tuple(warm[0]),
        reference_warmups=tuple(warm[1]),
    )


def _late(bench: Bench, beside: str, run: PairedRun) -> list[Measurement]:
    """The last tokens of the longest answers over their first ones."""
    longest = max(len(mine.token_ns) for mine, _ in run.pairs)
    chosen = [
        (pair, name)
        for pair, name in zip(run.pairs, run.names, strict=True)
        if min(len(it.token_ns) for it in pair) == longest
    ]
    if longest < LEAST_LATE_TOKENS or not chosen:
        return []
    mine, theirs = latency.late_over_early(*zip(*(pair for pair, _ in chosen), strict=True))
    found = bench.sample("late", "ratio", mine, theirs, beside=beside)
    return [replace(found, clusters=tuple(name for _, name in chosen), planned=run.planned)]


def _uptime(bench: Bench, beside: str, run: PairedRun) -> list[Measurement]:
    """Equal answers in the order asked, process by process."""
    used = run.used
    if not used.pairs:
        return []
    mine, theirs = sides(used.pairs, latency.whole_ms).tolist()
    found = bench.sample(UPTIME, "ms", mine, theirs, beside=beside)
    return [replace(found, clusters=tuple(used.names))]


def _firsts(bench: Bench, beside: str, pairs: Sequence[Pair]) -> Measurement:
    """Every TTFT, for its tail."""
    mine, theirs = sides(pairs, latency.first_token_ms).tolist()
    labels = [str(number) for number in range(len(pairs))]
    return bench.sample("first_token", "ms", mine, theirs, labels, beside)


def _gaps(bench: Bench, beside: str, pairs: Sequence[Pair]) -> Measurement:
    """Every time between two tokens, of the answers to which both sides gave as many."""
    return bench.sample("gap", "ms", *_each_gap(pairs, latency.gaps_ms), beside)


def _relative_gaps(bench: Bench, beside: str, pairs: Sequence[Pair]) -> Measurement:
    """The same over the median one of their answer."""
    return bench.sample("relative_gap", "ratio", *_each_gap(pairs, latency.relative_gaps), beside)


def _each_gap(
    pairs: Sequence[Pair], of: Callable[[Sequence[Answer]], list[list[float]]]
) -> tuple[list[float], list[float], list[str]]:
    mine, theirs, labels = [], [], []
    for number, pair in enumerate(pairs):
        here, there = of(pair)
        shared = min(len(here), len(there))
        mine += here[:shared]
        theirs += there[:shared]
        labels += [str(number)] * shared
    return mine, theirs, labels


def _stalls(bench: Bench, beside: str, pairs: Sequence[Pair]) -> Measurement:
    """Which answers took far longer than others to the same."""
    kinds = [(mine.prompt_ids, mine.prompt_tokens, len(mine.token_ns)) for mine, _ in pairs]
    chosen = latency.comparable(kinds)
    if not chosen:
        return bench.sample("stalls", "count", (), (), (), beside)
    asked, kinds = [pairs[at] for at in chosen], [kinds[at] for at in chosen]
    mine, theirs = (latency.stalls(it, kinds) for it in sides(asked, latency.whole_ms).tolist())
    return bench.sample("stalls", "count", mine, theirs, list(map(str, chosen)), beside)


def _loads(bench: Bench, beside: str, run: PairedRun) -> list[Measurement]:
    """Loads and openings of both sides, each process pair for itself."""
    names = tuple(it.name for it in run.processes)
    cold = [it.loads for it in run.processes]
    warm = [it.reloads or (0.0, 0.0) for it in run.processes]
    opened = [it.opening_s for it in run.processes]
    return [
        replace(
            bench.sample(
                metric, "s", [mine for mine, _ in it], [theirs for _, theirs in it], beside=beside
            ),
            clusters=names,
            disturbance=run.trouble,
        )
        for metric, it in (("load", cold), ("load_again", warm), ("opening", opened))
    ]


def _rates(bench: Bench, answers: Sequence[Answer]) -> list[Measurement]:
    return [
        bench.sample("prefill_rate", "tokens/s", latency.prefill_rates(answers)),
        bench.sample("decode_rate", "tokens/s", latency.decode_rates(answers)),
        bench.sample("processor", "ms/token", latency.processor_ms_per_token(answers)),
        bench.sample("cores", "cores", latency.cores_busy(answers)),
    ]
