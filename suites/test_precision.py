"""How far its next-token distributions are from the reference's."""

from harness.bench import Bench
from harness.metrics import divergence
from harness.plugins.measure import Record


def test_precision(bench: Bench, record: Record) -> None:
    """KLD and top-1 agreement over the reference's own answers, one prefill per item."""
    kld: list[float] = []
    agreement: list[float] = []
    labels: list[str] = []
    broken: list[int] = []
    for item, mine, theirs in bench.teacher_forced():
        bad = divergence.non_finite_positions(mine)
        broken.append(bad)
        if not bad:
            kld += divergence.token_divergence(theirs, mine).tolist()
            agreement += divergence.top1_agreement(theirs, mine).tolist()
            labels += [item.id] * len(mine)
    record(
        bench.sample("non_finite", "count", broken),
        bench.sample("kld", "nats/token", kld, labels=labels),
        bench.sample("top1", "share", agreement, labels=labels),
    )
