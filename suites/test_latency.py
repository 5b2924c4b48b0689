"""How fast it answers, beside the reference in adjacent random pairs."""

from harness.answer import Request
from harness.bench import Bench
from harness.metrics.latency import between_tokens_ms, decode_rates, first_token_ms
from harness.plugins.measure import Record

NEW_TOKENS = 32


def test_latency(bench: Bench, record: Record) -> None:
    """TTFT and ITL of requests as users make them, each right beside the reference's."""
    warmup, pairs = bench.plan.latency_warmup_pairs, bench.plan.latency_pairs
    items = [bench.items[i % len(bench.items)] for i in range(warmup + pairs)]
    asked = [
        Request(messages=item.messages, max_new_tokens=NEW_TOKENS, stop_at_end=False)
        for item in items
    ]
    taken = bench.pairs(asked)[warmup:]
    mine, theirs = zip(*taken, strict=True)
    record(
        bench.sample("ttft", "ms", first_token_ms(mine), first_token_ms(theirs)),
        bench.sample("itl", "ms", between_tokens_ms(mine), between_tokens_ms(theirs)),
        bench.sample("decode_rate", "tokens/s", decode_rates(mine)),
    )


def test_load_time(bench: Bench, record: Record) -> None:
    """Seconds to load the model in a process that has just started."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(bench.plan.load_repetitions):
        sides = [(bench.fresh, seconds[0]), (bench.fresh_reference, seconds[1])]
        for start, taken in sides if turn % 2 else reversed(sides):
            with start() as runtime:
                taken.append(runtime.start())
    record(bench.sample("load", "s", *seconds))
