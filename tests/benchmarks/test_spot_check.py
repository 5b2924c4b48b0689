"""What a session reports is what onnxruntime and numpy say: divergence, likelihoods and choices.

That ITL is a bare loop's is shown by `test_overhead`, where both take turns.

`GATE_SPOT_RELEASE` names the release (fixtures/travel.toml), `GATE_SPOT_EVIDENCE` the evidence of a
session of it that is over; without it one is run, of its accuracy and precision.
"""

import math
import os
from collections import defaultdict
from statistics import fmean

import pytest
from tabulate import tabulate

from harness.builders.assemble import build_variants
from harness.builders.gguf import checkpoint_of, is_gguf
from harness.domain import read_items
from harness.exam import replies
from harness.fleet import Fleet
from harness.item import Scorer
from harness.release import Role
from harness.store import read_evidence, read_release
from harness.variant import expand
from tests.benchmarks.plain import Plain
from tests.benchmarks.session import ROOT, run
from tests.conftest import CACHE

RELEASE = ROOT / os.environ.get("GATE_SPOT_RELEASE", "fixtures/travel.toml")
EVIDENCE = os.environ.get("GATE_SPOT_EVIDENCE", "")
GATE = ROOT / "fixtures" / "policies" / "gate.toml"
ITEMS = 12


@pytest.fixture(scope="module")
def release():
    return read_release(RELEASE)


@pytest.fixture(scope="module")
def variants(release):
    source = release.model.path
    if is_gguf(source):
        source = checkpoint_of(source, CACHE.parent / "checkpoints", lambda *_: None)
    return build_variants(expand(release), source, CACHE, lambda *_: None)


@pytest.fixture(scope="module")
def plain(variants):
    return {name: Plain(it.directory) for name, it in variants.items()}


@pytest.fixture(scope="module")
def evidence(variants, tmp_path_factory):
    if EVIDENCE:
        return read_evidence(ROOT / EVIDENCE)
    folder = tmp_path_factory.mktemp("spot")
    run(RELEASE, GATE, folder, suites=("accuracy", "precision"))
    return read_evidence(folder / "reports" / "latest" / "evidence.json")


@pytest.fixture(scope="module")
def measured(evidence):
    """The measurement of a metric and a variant."""
    known = {(it.metric, it.variant, it.beside): it for it in evidence.measurements}
    return lambda metric, name, beside="": known[f"precision.{metric}", name, beside]


@pytest.fixture(scope="module")
def asked(release, evidence, measured):
    """The first items of which a session read what was generated."""
    read = {*measured("kld", evidence.reference).labels}
    generated = [it for it in read_items(release.data) if it.scorer is not Scorer.CHOICE]
    return [it for it in generated if it.id in read][:ITEMS]


def by_label(found):
    values = defaultdict(list)
    for label, value in zip(found.labels, found.values, strict=True):
        values[label].append(value)
    return values


def alike(one, other):
    """Whether two figures are one to the three digits that are shown, or next to each other."""
    return math.isclose(one, other, rel_tol=2e-3, abs_tol=1e-9)


HEADERS = ("figure", "variant", "the session", "onnxruntime and numpy")


def test_divergence_and_likelihoods_are_those_of_the_logits(evidence, measured, plain, asked, show):
    rows = []
    reference = plain[evidence.reference]
    prompts = {it: reference.prompt(it.messages) for it in asked}
    said = {it: reference.greedy(prompts[it], it.max_new_tokens) for it in asked}
    for name, role in ((it, found.role) for it, found in evidence.subjects.items()):
        taken = {"kld": [], "top1": [], "nats a token": []}
        told = {"kld": [], "top1": [], "nats a token": []}
        found = {it: by_label(measured(it, name)) for it in ("kld", "top1")}
        likely = by_label(measured("text_likelihood", name, evidence.reference))
        for item in asked:
            prompt, answer = prompts[item], said[item]
            mine, theirs = (
                it.logs([*prompt, *answer])[len(prompt) - 1 : -1] for it in (plain[name], reference)
            )
            kld = [(math.e**b * (b - a)).sum() for a, b in zip(mine, theirs, strict=True)]
            taken["kld"] += kld
            taken["top1"] += (mine.argmax(axis=1) == theirs.argmax(axis=1)).tolist()
            for figure, values in found.items():
                assert len(values[item.id]) == len(answer), (figure, item.id)
                told[figure] += values[item.id]
            if reference.text(answer).strip() == item.expected:
                texts = [at for at, it in enumerate(answer) if it not in reference.ends]
                taken["nats a token"] += [mine[at, answer[at]] for at in texts]
                told["nats a token"] += likely[item.id]
        rows += [[it, name, fmean(told[it]), fmean(taken[it])] for it in told if told[it]]
        assert role is Role.REFERENCE or fmean(told["kld"]) > 0
    show(tabulate(rows, headers=HEADERS, floatfmt=".3g"))
    assert all(alike(one, other) for *_, one, other in rows)


def test_likelihoods_of_choices_are_those_of_the_logits(release, variants, plain, show):
    items = [it for it in read_items(release.data) if it.scorer is Scorer.CHOICE][:ITEMS]
    if not items:
        pytest.skip("the bank offers no choices")
    rows = []
    with Fleet(variants, release.runtime.factory, 60.0) as fleet:
        for name in variants:
            for item, reply in zip(items, replies(fleet, name, items), strict=True):
                prompt = plain[name].rendered(item.messages)
                rows += [
                    [f"{item.id}, {choice}", name, found, plain[name].likelihood(prompt, choice)]
                    for choice, found in zip(item.choices, reply.likelihoods, strict=True)
                ]
    off = [row for row in rows if not alike(*row[2:])]
    show(tabulate((off or rows)[:8], headers=HEADERS, floatfmt=".4g"))
    assert all(alike(one, other) for *_, one, other in rows)
