"""Accuracy through the gate beside lm-evaluation-harness with Olive's model ``ortgenai``.

Both ask the same items of the same variants in one run, in turns, and give the same answers. Needs
the [lm-eval] extra. What is asked of a model that is loaded, and whole commands: of these a user
pays all, and most of lm-evaluation-harness's goes by before it asks anything. Of what is asked the
engine's own work is the larger part. For a choice Olive 0.13 makes a generator with room for the
whole context and computes the prompt anew; the gate computes an item's prompt once. Where answers
are generated Olive's generator has room for one answer, which costs 0.2 ms; there the gate gains by
keeping all cores busy, and can gain nothing else.
"""

import json
import os
import statistics
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest
from tabulate import tabulate

from harness.bank import generator, order_of, shuffled
from harness.domain import read_items
from harness.exam import replies
from harness.fleet import Fleet
from harness.item import Scorer
from harness.metrics.quality import grade
from harness.metrics.scorers.choice import likeliest
from harness.release import Data, Precision, Role
from harness.reply import Reply
from harness.stats.intervals import Estimate
from harness.stats.paired import ratio_interval
from harness.variant import Recipe, Variant
from tests.benchmarks.lm_eval_task import NEW_TOKENS, LmEval, LmEvalRun
from tests.benchmarks.session import ROOT, run

ITEMS, ROUND, CHOICES = 500, 50, 4
RUNS = 5
RUNTIME = "harness.runtimes.ort_genai:OrtGenAI"
GATE, LM_EVAL = "the gate, scores included", "lm-evaluation-harness, ortgenai"
HEADERS = ("items", "asked by", "ms/item", "items/s", "times faster", "the same answers")
BANK = shuffled(read_items(Data(ROOT / "fixtures" / "travel" / "eval.jsonl")), 0)


@dataclass(frozen=True)
class Found:
    """Seconds of every round and all answers, by who asked."""

    seconds: dict[str, list[float]]
    answers: dict[str, list[str]]

    @property
    def faster(self) -> Estimate:
        return ratio_interval(self.seconds[LM_EVAL], self.seconds[GATE], 0.95)

    @property
    def agreeing(self) -> int:
        return sum(mine == theirs for mine, theirs in zip(*self.answers.values(), strict=True))

    def rows(self, what: str) -> list[list[str]]:
        faster = self.faster
        figures = f"{faster.value:.2f} ({faster.lower:.2f} to {faster.upper:.2f})"
        shown = {GATE: [figures, f"{self.agreeing} of {ITEMS}"], LM_EVAL: ["", ""]}
        each = {name: statistics.median(taken) / ROUND for name, taken in self.seconds.items()}
        return [
            [what, name, f"{1e3 * it:.2f}", f"{1 / it:.0f}", *shown[name]]
            for name, it in each.items()
        ]


@pytest.fixture
def other(embedded, monkeypatch):
    """lm-evaluation-harness with int4 loaded."""
    pytest.importorskip("lm_eval", reason="needs the [lm-eval] extra")
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "OLIVE_DISABLE_TELEMETRY"):
        monkeypatch.setitem(os.environ, name, "1")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # no user compiles at each start
    return LmEval(embedded["int4"])


@pytest.fixture
def gate(embedded):
    """Items graded by the gate, as the accuracy suite asks them."""
    variant = Variant(Recipe("it", Role.CANDIDATE, Precision.INT4), embedded["int4"], {}, "")

    def replied(items):
        found = replies(fleet, "it", items)
        for item, reply in zip(items, found, strict=True):
            grade(item, reply)
        return found

    with Fleet({"it": variant}, RUNTIME, 600.0) as fleet:
        yield replied


def test_choices_are_scored_faster_than_in_lm_evaluation_harness(gate, other, tmp_path, show):
    items = with_choices()
    requests = other.choices(items, tmp_path)

    def by_gate(chosen):
        found = gate([items[i] for i in chosen])
        return [likeliest(items[i], reply) for i, reply in zip(chosen, found, strict=True)]

    def by_other(chosen):
        found = other.likelihoods([requests[i] for i in chosen])
        replied = [Reply(likelihoods=it) for it in found]
        return [likeliest(items[i], it) for i, it in zip(chosen, replied, strict=True)]

    found = in_turns({GATE: by_gate, LM_EVAL: by_other})
    show(tabulate(found.rows(f"{CHOICES} choices"), headers=HEADERS, disable_numparse=True))
    assert found.agreeing == ITEMS
    assert found.faster.value >= 3


def test_answers_are_generated_no_slower_than_in_lm_evaluation_harness(gate, other, tmp_path, show):
    items = [replace(item, max_new_tokens=NEW_TOKENS) for item in BANK[:ITEMS]]
    requests = other.questions(items, tmp_path)
    found = in_turns(
        {
            GATE: lambda chosen: [it.answer.text for it in gate([items[i] for i in chosen])],
            LM_EVAL: lambda chosen: other.answers([requests[i] for i in chosen]),
        }
    )
    show(tabulate(found.rows("generated"), headers=HEADERS, disable_numparse=True))
    assert found.agreeing == ITEMS
    assert found.faster.upper >= 1, "shown to be slower"


@pytest.mark.parametrize(
    ("names", "times_faster"), [(("int4",), 4), (("fp32", "int8", "int4"), 8)], ids=["one", "three"]
)
def test_a_whole_run_takes_a_fraction_of_lm_evaluation_harness(whole, show, names, times_faster):
    runs = whole(names)
    marks = {name: it() for name, it in runs.items()}  # warm-up
    assert len(marks[GATE]) == ITEMS * len(names)
    assert marks[GATE] == marks[LM_EVAL]
    seconds = {name: [] for name in runs}
    for _ in range(RUNS):
        for name, it in runs.items():
            started = time.perf_counter()
            it()
            seconds[name].append(time.perf_counter() - started)
    faster = ratio_interval(seconds[LM_EVAL], seconds[GATE], 0.9)
    rows = [
        [name, f"{it:.2f}", f"{1e3 * it / len(marks[name]):.2f}"]
        for name, it in ((name, statistics.median(taken)) for name, taken in seconds.items())
    ]
    rows[0] += [f"{faster.value:.2f} ({faster.lower:.2f} to {faster.upper:.2f})", "all"]
    headers = (", ".join(names), "seconds", "ms/item", "times faster", "the same marks")
    show(tabulate(rows, headers=headers, disable_numparse=True))
    assert faster.value >= times_faster


@pytest.fixture
def whole(embedded, other, tmp_path):
    """Both commands, for variants by name, on the same items; what one has asked is not kept."""

    def make(names):
        items = [
            replace(item, max_new_tokens=NEW_TOKENS, scorer=Scorer.EXACT, schema="")
            for item in BANK[:ITEMS]
        ]
        rows = {item.id: other.row(item) for item in items}
        directories = {name: embedded[name] for name in names}
        return {
            GATE: GateRun(items, names, tmp_path),
            LM_EVAL: LmEvalRun(rows, directories, tmp_path),
        }

    return make


class GateRun:
    """The accuracy suite by itself, as a user starts it, on all items of a bank.

    A candidate alone is measured beside the reference's replies of the run before; else all
    variants are asked all items each time.
    """

    def __init__(self, items, names, place):
        self._items, self._names, self._place = items, names, place
        text = "".join(json.dumps(_line(item)) + "\n" for item in items)
        (place / "eval.jsonl").write_text(text, encoding="utf-8")
        kept = json.dumps("fp32" not in names)
        policy = POLICY.format(root=ROOT, items=len(items), kept=kept)
        (place / "policy.toml").write_text(policy, encoding="utf-8")
        (place / "release.toml").write_text(RELEASE.format(root=ROOT), encoding="utf-8")

    def __call__(self):
        """The score of each variant and item, by their names."""
        files = (self._place / "release.toml", self._place / "policy.toml", self._place)
        done = run(*files, "--only", ",".join(self._names), suites=["accuracy"])
        assert done.tests == len(self._names), done.output
        path = self._place / "reports" / "latest" / "evidence.json"
        evidence = json.loads(path.read_text(encoding="utf-8"))
        order = order_of(self._items, evidence["subjects"]["fp32"]["digest"])
        asked = [item.id for item in shuffled(self._items, order)]
        return {
            (it["variant"], item): score
            for it in evidence["measurements"]
            if it["metric"] == "accuracy.correct"
            for item, score in zip(asked, it["values"], strict=True)
        }


def _line(item):
    return {
        "id": item.id,
        "messages": [{"role": role, "content": text} for role, text in item.messages],
        "expected": item.expected,
        "slice": item.slice,
        "max_new_tokens": item.max_new_tokens,
    }


RELEASE = """
[release]
name = "travel"
version = 1
publisher = "test"
[model]
path = "{root}/fixtures/travel/model"
[variants.fp32]
precision = "fp32"
role = "reference"
[variants.int8]
precision = "int8"
[variants.int4]
precision = "int4"
block_size = 32
symmetric = true
algorithm = "rtn"
[data]
domain = "eval.jsonl"
[policy]
path = "policy.toml"
"""
POLICY = """
extends = "{root}/fixtures/policies/gate.toml"
[plan]
accuracy_least_items = {items}
keep_reference_replies = {kept}
"""


def with_choices():
    """Items of one word or a few, each with three expected answers of others of its slice."""
    short = [it for it in BANK if len(it.expected) < 40 and it.expected.isascii()]
    random = generator(0, "choices")
    found = []
    for item in short:
        others = sorted({it.expected for it in short if it.slice == item.slice} - {item.expected})
        if len(others) >= CHOICES - 1:
            wrong = random.choice(others, CHOICES - 1, replace=False).tolist()
            choices = tuple(random.permutation([item.expected, *wrong]).tolist())
            found.append(replace(item, scorer=Scorer.CHOICE, choices=choices))
    assert len(found) >= ITEMS
    return found[:ITEMS]


def in_turns(asked):
    """Everything asked of both, a round of each after the other; who is first is drawn by lot."""
    random = np.random.default_rng(0)
    seconds = {name: [] for name in asked}
    answers = {name: [] for name in asked}
    for ask in asked.values():  # warm-up
        ask(range(ITEMS))
    for start in range(0, ITEMS, ROUND):
        for name in random.permutation(list(asked)):
            started = time.perf_counter()
            answers[name] += asked[name](range(start, start + ROUND))
            seconds[name].append(time.perf_counter() - started)
    return Found(seconds, answers)
