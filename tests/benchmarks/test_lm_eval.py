"""Accuracy through the gate beside lm-evaluation-harness with Olive's model ``ortgenai``.

Both ask the same items of the same variant in one run, in turns, and give the same answers. Needs
the [lm-eval] extra. Olive 0.13 makes a generator with room for one answer alone, which costs
0.2 ms, so both spend nearly all of their time in the engine: what can be held is that the gate's
process, stamps and scores cost nothing beside it.
"""

import os
import statistics
import time
from dataclasses import replace

import numpy as np
import pytest
from tabulate import tabulate

from harness.answer import Answer
from harness.bank import question, shuffled
from harness.domain import read_items
from harness.metrics.quality import grade
from harness.release import Data
from harness.reply import Reply
from harness.runtimes.isolated import Isolated
from harness.stats.paired import ratio_interval
from tests.benchmarks.lm_eval_task import NEW_TOKENS, LmEval
from tests.benchmarks.session import ROOT

ITEMS, ROUND = 500, 50
GATE, LM_EVAL = "the gate, scores included", "lm-evaluation-harness, ortgenai"
HEADERS = ("asked by", "ms/item", "items/s", "right")


def test_accuracy_costs_no_more_than_in_lm_evaluation_harness(
    embedded, tmp_path, monkeypatch, show
):
    pytest.importorskip("lm_eval", reason="needs the [lm-eval] extra")
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "OLIVE_DISABLE_TELEMETRY"):
        monkeypatch.setitem(os.environ, name, "1")
    items = shuffled(read_items(Data(ROOT / "fixtures" / "travel" / "eval.jsonl")), 0)[:ITEMS]
    items = [replace(item, max_new_tokens=NEW_TOKENS) for item in items]
    with Isolated("harness.runtimes.ort_genai:OrtGenAI", embedded["int4"]) as runtime:
        other = LmEval(embedded["int4"], items, tmp_path)

        def by_gate(chosen):
            asked = [items[i] for i in chosen]
            answers = runtime.run([question(item) for item in asked])
            for item, answer in zip(asked, answers, strict=True):
                grade(item, Reply(answer))
            return [answer.text for answer in answers]

        asked = {GATE: by_gate, LM_EVAL: other.answers}
        seconds, texts = _in_turns(asked)
    agreeing = sum(mine == theirs for mine, theirs in zip(*texts.values(), strict=True))
    faster = ratio_interval(seconds[LM_EVAL], seconds[GATE], 0.95)
    rows = [_row(name, items, seconds[name], texts[name]) for name in asked]
    show(
        f"{tabulate(rows, headers=HEADERS, disable_numparse=True)}\n"
        f"{faster.value:.2f} times faster ({faster.lower:.2f} to {faster.upper:.2f}) on {ITEMS} "
        f"items, {agreeing} of them answered the same"
    )
    assert agreeing == ITEMS
    assert faster.upper >= 1, "shown to be slower"


def _in_turns(asked):
    """Seconds of every round and all answers, of each; what goes first is drawn by lot."""
    random = np.random.default_rng(0)
    seconds = {name: [] for name in asked}
    texts = {name: [] for name in asked}
    for ask in asked.values():  # warm-up
        ask(range(ROUND))
    for start in range(0, ITEMS, ROUND):
        for name in random.permutation(list(asked)):
            started = time.perf_counter()
            texts[name] += asked[name](range(start, start + ROUND))
            seconds[name].append(time.perf_counter() - started)
    return seconds, texts


def _row(name, items, seconds, texts):
    right = sum(
        grade(item, Reply(Answer(text=text))).score == 1.0
        for item, text in zip(items, texts, strict=True)
    )
    each = statistics.median(seconds) / ROUND
    return [name, f"{1e3 * each:.2f}", f"{1 / each:.0f}", f"{right / len(items):.1%}"]
