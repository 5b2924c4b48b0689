"""Is it still the model that it was made from? Distributions, answers, tokens and weights."""

from collections.abc import Sequence
from dataclasses import replace

from harness.bench import Bench
from harness.forcing import Reading
from harness.measurement import Measurement
from harness.metrics.divergence import Excess, excess, first_difference
from harness.parity import Cause
from harness.plugins.measure import Record
from harness.probes.weights import compare_weights
from harness.readings import asked, read_all
from harness.source import SourceFacts, causes

ENGINE_HABITS = {
    "source_ids": Cause.UNKNOWN,
    "source_normalizer": Cause.NORMALIZER,
    "source_strip": Cause.STRIP,
    "source_bytes": Cause.BYTES,
    "source_numerals": Cause.NUMERALS,
}
COMPARED = (
    "non_finite",
    "kld",
    "top1",
    "text_kld",
    "text_top1",
    "text_likelihood",
    "kld_to_control",
    "top1_to_control",
    "text_kld_to_control",
    "text_top1_to_control",
    "text_likelihood_to_control",
    "identical",
    "first_difference",
)
INCOMPARABLE = "its vocabulary is not the reference's, so there is nothing to compare"


def test_precision(bench: Bench, record: Record) -> None:
    """What it expects beside the reference, over the reference's own answers and over text of the
    domain, and what it answers. Without one vocabulary none of that can be compared.
    """
    found = bench.all_together("readings", read_all)
    parts = found.vocabulary
    vocabulary = bench.sample("vocabulary", "count", [*parts.values()], labels=[*parts])
    if not found.is_comparable:
        record(vocabulary, *(bench.absent(it, INCOMPARABLE) for it in COMPARED))
        return
    record(
        vocabulary,
        bench.sample("non_finite", "count", found.non_finite),
        *_divergence(bench, found.own[0], ""),
        *_divergence(bench, found.texts[0], "text_"),
        *_beside_control(bench, found.own, "", found.no_control),
        *_beside_control(bench, found.texts, "text_", found.no_control),
        *_answers(bench),
    )


def test_source(bench: Bench, record: Record) -> None:
    """Token ids as the checkpoint's own in transformers; the reference's distributions and answers
    too, so that no fault of the export hides behind it.
    """
    if bench.source is None:
        record(bench.absent("source_ids", bench.no_source))
        return
    facts = bench.source_facts()
    record(*_ids(bench, facts), *_export(bench, facts))


def test_weights(bench: Bench, record: Record) -> None:
    """Every block of weights beside those of the source checkpoint; no inference."""
    variant = bench.variant
    found = compare_weights(variant.directory, bench.source, variant.recipe.algorithm)
    for remark in found.remarks:
        bench.remark(f"{variant.name}: {remark}")
    names = [fit.label for fit in found.fits]
    sizes = [(fit.label, fit.sizes) for fit in found.fits if fit.sizes]
    which = [label for label, _ in sizes]
    lacking = [0.0] if names and not found.lacking else [1.0] * len(found.lacking)
    absence = found.absence if bench.source else bench.no_source
    samples = (
        bench.sample("weights_off", "count", [it.off for it in found.fits], labels=names),
        bench.sample("weights_factor", "ratio", [it.factor for _, it in sizes], labels=which),
        bench.sample("weights_rows", "count", [it.lost_rows for _, it in sizes], labels=which),
        bench.sample("weights_lost", "share", [it.lost for _, it in sizes], labels=which),
        bench.sample("weights_typical", "ratio", [it.middle for it in found.fits], labels=names),
        bench.sample(
            "weights_lacking", "count", lacking, labels=found.lacking or [""] * bool(names)
        ),
    )
    record(*(replace(it, absence=absence) for it in samples))


def _divergence(bench: Bench, found: Reading, of_what: str) -> list[Measurement]:
    """Of each position; and of a text, how likely each of its tokens was."""
    kld, top1, log_p, reference_log_p = (
        [float(value) for it in found.values() for value in getattr(it, what)]
        for what in ("kld", "top1", "log_p", "reference_log_p")
    )
    labels = [label for label, it in found.items() for _ in it.kld]
    measured = [
        bench.sample(f"{of_what}kld", "nats/token", kld, labels=labels),
        bench.sample(f"{of_what}top1", "share", top1, labels=labels),
    ]
    if of_what:
        labels = [label for label, it in found.items() for _ in it.log_p]
        likelihood = bench.sample(f"{of_what}likelihood", "nats", log_p, reference_log_p, labels)
        measured.append(likelihood)
    return measured


def _beside_control(
    bench: Bench, found: Sequence[Reading], of_what: str, why: str
) -> list[Measurement]:
    """What the variant lost, and what plain rounding of the same bits lost at each position."""
    lost = excess(*found) if len(found) > 1 else Excess()
    why = why or ("" if lost.labels else "no position where all logits are finite")
    measured = [
        bench.sample(f"{of_what}kld_to_control", "root nats", lost.root_kld, lost.control_root_kld),
        bench.sample(f"{of_what}top1_to_control", "points", lost.top1_points),
    ]
    measured = [replace(it, labels=lost.labels) for it in measured]
    if of_what:
        likelihood = bench.sample(
            f"{of_what}likelihood_to_control", "nats", lost.log_p, lost.control_log_p
        )
        measured.append(replace(likelihood, labels=lost.token_labels))
    return [replace(it, beside="", absence=why) for it in measured]


def _answers(bench: Bench) -> list[Measurement]:
    """Whether generated answers are the reference's, and the first token that is not."""
    items, theirs = asked(bench)
    replied = zip(items, bench.replies(len(items)), theirs, strict=True)
    found = {
        item.id: first_difference(mine.answer.token_ids, its.answer.token_ids)
        for item, mine, its in replied
        if its.answer.prompt_ids
    }
    places = {label: place for label, place in found.items() if place}
    identical = [not place for place in found.values()]
    if not places:
        first = bench.absent("first_difference", "no answer differs")
    else:
        first = bench.sample("first_difference", "tokens", [*places.values()], labels=[*places])
    return [bench.sample("identical", "share", identical, labels=[*found]), first]


def _ids(bench: Bench, facts: SourceFacts) -> list[Measurement]:
    """Texts and chats whose token ids are not the source's, by what explains it."""
    found = causes(facts, bench.fleet, bench.variant.name)
    return [
        bench.sample(metric, "count", [why is it for it in found.values()], labels=[*found])
        for metric, why in ENGINE_HABITS.items()
    ]


def _export(bench: Bench, facts: SourceFacts) -> list[Measurement]:
    if bench.variant.name != bench.reference:
        return []
    return [
        bench.sample("source_kld", "nats/token", facts.kld, labels=facts.labels),
        bench.sample("source_logits", "of their spread", facts.logit_error, labels=facts.labels),
        bench.sample("source_shortfall", "nats", facts.shortfall, labels=facts.shortfall_labels),
    ]
