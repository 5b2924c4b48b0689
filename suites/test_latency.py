"""How fast it answers, beside the reference and the baseline in adjacent random pairs."""

from collections.abc import Sequence
from dataclasses import replace

from harness.answer import Answer, Request
from harness.bench import Bench
from harness.measurement import Measurement
from harness.metrics import latency
from harness.pairing import PairedRun
from harness.plugins.measure import Record

NEW_TOKENS = 32
TIMES = {
    "ttft": latency.first_token_ms,
    "itl": latency.between_tokens_ms,
    "total": latency.whole_ms,
}


def test_latency(bench: Bench, record: Record) -> None:
    """TTFT, ITL and whole answers to requests as users make them, a fixed number of tokens long."""
    asked = [
        Request(messages=item.messages, max_new_tokens=NEW_TOKENS, stop_at_end=False)
        for item in bench.items
    ]
    runs = [bench.paired_run(asked, TIMES, beside) for beside in bench.rivals]
    times = [it for _, measurements in runs for it in measurements]
    run = runs[0][0]
    record(*times, _gaps(bench, run), *_rates(bench, run.mine))


def test_load_time(bench: Bench, record: Record) -> None:
    """Seconds to load the model, in a process that has just started and once more in the same."""
    record(*(it for beside in bench.rivals for it in _loads(bench, beside)))


def _loads(bench: Bench, beside: str) -> list[Measurement]:
    """Cold and warm loads of this variant and the other one, in turns."""
    sides = (bench.variant.name, beside)

    def load() -> list[list[tuple[float, float]]]:
        taken: list[list[tuple[float, float]]] = [[], []]
        for turn in range(bench.plan.load_repetitions):
            for side in (0, 1) if turn % 2 else (1, 0):
                with bench.fresh(sides[side]) as runtime:
                    taken[side].append((runtime.start(), runtime.reload().load_seconds))
        return taken

    (mine, theirs), disturbance = bench.undisturbed(load, f"loading beside {beside}")
    found = [
        bench.sample(
            metric, "s", [it[kind] for it in mine], [it[kind] for it in theirs], beside=beside
        )
        for kind, metric in enumerate(("load", "load_again"))
    ]
    return [replace(it, disturbance=disturbance) for it in found]


def _gaps(bench: Bench, run: PairedRun) -> Measurement:
    """Every time between two tokens, of the answers to which both sides gave as many."""
    mine, theirs, labels = [], [], []
    for number, pair in enumerate(run.pairs):
        here, there = latency.gaps_ms(pair)
        shared = min(len(here), len(there))
        mine += here[:shared]
        theirs += there[:shared]
        labels += [str(number)] * shared
    return bench.sample("gap", "ms", mine, theirs, labels)


def _rates(bench: Bench, answers: Sequence[Answer]) -> list[Measurement]:
    return [
        bench.sample("prefill_rate", "tokens/s", latency.prefill_rates(answers)),
        bench.sample("decode_rate", "tokens/s", latency.decode_rates(answers)),
        bench.sample("processor", "ms/token", latency.processor_ms_per_token(answers)),
        bench.sample("cores", "cores", latency.cores_busy(answers)),
    ]
