"""How far its next-token distributions are from the reference's."""

from dataclasses import replace

from harness.bench import Bench
from harness.metrics import divergence
from harness.plugins.measure import Record
from harness.probes.weights import compare_weights


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


def test_weights(bench: Bench, record: Record) -> None:
    """Every block of weights beside those of the source checkpoint; no inference."""
    variant = bench.variant
    found = compare_weights(variant.directory, bench.source, variant.recipe.algorithm)
    for remark in found.remarks:
        bench.remark(f"{variant.name}: {remark}")
    names = [fit.label for fit in found.fits]
    lacking = [0.0] if names and not found.lacking else [1.0] * len(found.lacking)
    samples = (
        bench.sample("weights_worst", "ratio", [it.worst for it in found.fits], labels=names),
        bench.sample("weights_typical", "ratio", [it.middle for it in found.fits], labels=names),
        bench.sample(
            "weights_lacking", "count", lacking, labels=found.lacking or [""] * bool(names)
        ),
    )
    record(*(replace(it, absence=found.absence) for it in samples))
