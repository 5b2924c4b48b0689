"""int4 that is 6 points worse is refused, an equal one accepted, whatever order items come in.

Both answer the whole bank once; each seed is an order of these answers through the real suite.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tabulate import tabulate

from harness.answer import Answer
from harness.bank import shuffled
from harness.bench import Bench
from harness.data_need import BY_SLICE, CORRECT
from harness.domain import read_items
from harness.evidence import Evidence, Subject
from harness.exam import replies
from harness.finding import Outcome
from harness.fleet import Fleet
from harness.metrics.quality import grade
from harness.release import Data, Precision, Role
from harness.stage import Stage
from harness.store import read_policy
from harness.variant import Recipe, Variant
from harness.verdict import judge_measurements
from suites import test_accuracy as suite
from tests.benchmarks.degraded import degrade
from tests.benchmarks.session import ROOT

ITEMS = shuffled(read_items(Data(ROOT / "fixtures" / "travel" / "eval.jsonl")), 0)
POLICY = read_policy(ROOT / "fixtures" / "policies" / "gate.toml")
SEEDS = 20
HEADERS = ("candidate", "accuracy", "to reference", "accepted", "refused", "undecided", "items")
RUNTIME = "harness.runtimes.ort_genai:OrtGenAI"


class Recorded(Fleet):
    """Answers that were given before, to whoever asks for them again."""

    def __init__(self, variants, said):
        super().__init__(variants, "nobody:asks", 1.0)
        self._said = said

    def start(self, *names):
        pass

    def ask_shared(self, name, plan):
        return [self._said[name][request.messages] for request in plan]


def answers(folder: Path) -> dict[object, Answer]:
    variant = Variant(Recipe("it", Role.CANDIDATE, Precision.INT4), folder, {}, "sha256:0")
    with Fleet({"it": variant}, RUNTIME, 600.0) as fleet:
        found = replies(fleet, "it", ITEMS)
    return {item.messages: it.answer for item, it in zip(ITEMS, found, strict=True)}


def points(said: dict[object, Answer]) -> float:
    from harness.reply import Reply

    scores = [grade(item, Reply(said[item.messages])).score for item in ITEMS]
    return 100 * sum(scores) / len(scores)


@pytest.fixture(scope="module")
def said(embedded, tmp_path_factory):
    """What everybody answers, by name."""
    place = tmp_path_factory.mktemp("degraded")
    fp32 = answers(embedded["fp32"])
    known = {}

    def lost(folder):
        known["6 points worse"] = answers(folder)
        return points(fp32) - points(known["6 points worse"])

    degrade(embedded["int4"], place, lost, 5.5, 6.5)
    copy = Path(shutil.copytree(embedded["int4"], place / "copy"))
    return {"fp32": fp32, "int4": answers(embedded["int4"]), "copy": answers(copy), **known}


def outcomes(said, name, beside, seed):
    """What the gate's rules on accuracy find of one order of the items, and how many it took."""
    variants = {
        it: Variant(Recipe(it, role, Precision.INT4), Path(), {}, "sha256:0")
        for it, role in ((beside, Role.REFERENCE), (name, Role.CANDIDATE))
    }
    taken = []
    with Recorded(variants, said) as fleet:
        stage = Stage(fleet, beside, shuffled(ITEMS, seed), POLICY.plan, "here", rules=POLICY.rules)
        suite.test_accuracy(Bench(stage, name, "accuracy"), lambda *it: taken.extend(it))
    subjects = {it: Subject(each.recipe.role, Precision.INT4) for it, each in variants.items()}
    evidence = Evidence("travel:1", subjects, "here")
    found = judge_measurements(tuple(taken), name, evidence, replace(POLICY, required=()))
    assert {it.metric for it in taken} >= {CORRECT, BY_SLICE}
    return {it.outcome for it in found if it.decides}, len(taken[0].values)


def tally(said, name, beside):
    runs = [outcomes(said, name, beside, seed) for seed in range(SEEDS)]
    refused = sum(Outcome.FAIL in found for found, _ in runs)
    accepted = sum(found == {Outcome.PASS} for found, _ in runs)
    items = sum(count for _, count in runs) / SEEDS
    row = [
        f"{name} beside {beside}",
        f"{points(said[name]):.2f} %",
        f"{points(said[name]) - points(said[beside]):+.2f}",
        accepted,
        refused,
        SEEDS - accepted - refused,
        f"{items:.0f} of {len(ITEMS):,}",
    ]
    return accepted, refused, row


def test_what_is_6_points_worse_is_refused_and_what_is_equal_accepted(said, show):
    worse, copy, int4 = (
        tally(said, name, beside)
        for name, beside in (("6 points worse", "fp32"), ("copy", "int4"), ("int4", "fp32"))
    )
    show(tabulate([it[-1] for it in (worse, copy, int4)], headers=HEADERS))
    assert worse[1] >= 19
    assert copy[0] >= 18
    assert int4[0] >= 18
