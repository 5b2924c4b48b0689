"""How time to first token grows with the prompt, beside the reference."""

from harness.answer import Request
from harness.bench import Bench
from harness.metrics.latency import first_token_ms
from harness.metrics.scaling import ladder
from harness.plugins.measure import Record


def test_scaling(bench: Bench, record: Record) -> None:
    """TTFT over a geometric ladder of lengths, shuffled, in pairs."""
    lengths = ladder(
        min(bench.context_tokens - 1, bench.plan.scaling_longest_tokens or bench.context_tokens)
    )
    tokens = bench.long_prompt(lengths[-1])
    rungs = [length for length in lengths for _ in range(bench.plan.scaling_repetitions)]
    bench.random("rungs").shuffle(rungs)
    asked = [
        Request(token_ids=tokens[:length], max_new_tokens=1, stop_at_end=False) for length in rungs
    ]
    pairs = bench.pairs(asked)
    mine, theirs = zip(*pairs, strict=True)
    labels = [f"{length} tokens" for length in rungs]
    record(bench.sample("ttft", "ms", first_token_ms(mine), first_token_ms(theirs), labels))
