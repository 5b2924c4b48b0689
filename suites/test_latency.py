"""How fast it answers, beside the reference and the baseline in adjacent random pairs."""

from collections.abc import Sequence

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
    found = []
    for beside in bench.rivals:
        cold: tuple[list[float], list[float]] = ([], [])
        warm: tuple[list[float], list[float]] = ([], [])
        for turn in range(bench.plan.load_repetitions):
            sides = [(bench.variant.name, 0), (beside, 1)]
            for name, side in sides if turn % 2 else reversed(sides):
                with bench.fresh(name) as runtime:
                    cold[side].append(runtime.start())
                    warm[side].append(runtime.reload().load_seconds)
        found.append(bench.sample("load", "s", *cold, beside=beside))
        found.append(bench.sample("load_again", "s", *warm, beside=beside))
    record(*found)


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
