"""The same bytes get the same answer: again, with other seeds, beside a busy neighbour.

`GATE_REPEATS` sessions of each kind (10), of the suites that `GATE_REPEAT_SUITES` names (all): the
whole takes an hour. `GATE_REPEAT_SESSIONS` is how many sessions' intervals are compared (20).
"""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tabulate import tabulate

from harness.stats.clusters import at_last_look, figures
from harness.store import read_evidence
from tests.benchmarks.neighbour import neighbour
from tests.benchmarks.session import QUALITY, ROOT, SPEED, run

REPEATS = int(os.environ.get("GATE_REPEATS", "10"))
SESSIONS = int(os.environ.get("GATE_REPEAT_SESSIONS", "20"))
SUITES = tuple(filter(None, os.environ.get("GATE_REPEAT_SUITES", "").split(",")))
EVERY = (*SPEED, *QUALITY, "packaging", "foundry")
GATE = ROOT / "fixtures" / "policies" / "gate.toml"
RELEASE = ROOT / "fixtures" / "travel.toml"
BUSY_SHARE = 0.5  # of the time the neighbour keeps one core busy
HEADERS = ("seed", "neighbour", "seconds", "verdict", "why not GO")
DISTURBED = "disturbed"


@dataclass(frozen=True)
class Once:
    """How a session ended, and every sentence that stands against a GO."""

    seed: int
    share: float
    seconds: float
    verdicts: dict[str, str]
    reasons: tuple[str, ...]
    evidence: Path

    @property
    def verdict(self) -> str:
        """The worst of the candidates'."""
        order = ("NO-GO", "INCONCLUSIVE", "GO")
        return min(self.verdicts.values(), key=order.index)

    def row(self) -> list[str]:
        """As the table shows it."""
        busy = f"{self.share:.0%}" if self.share else "none"
        return [str(self.seed), busy, f"{self.seconds:.0f}", self.verdict, "; ".join(self.reasons)]


def once(seed: int, share: float, folder: Path, suites: tuple[str, ...]) -> Once:
    """A session with that seed; only what its suites say counts."""
    folder.mkdir()
    with neighbour(share):
        cost = run(RELEASE, GATE, folder, "--seed", str(seed), suites=suites)
    report = folder / "reports" / "latest" / "report.json"
    assert report.exists(), cost.output
    variants = json.loads(report.read_text(encoding="utf-8"))["variants"]
    found = {name: _against(it, suites) for name, it in variants.items()}
    verdicts = {name: _verdict(found[name]) for name in variants}
    reasons = tuple(it["reason"] for those in found.values() for it in those)
    evidence = report.with_name("evidence.json")
    return Once(seed, share, cost.seconds, verdicts, reasons, evidence)


def _against(variant: dict[str, Any], suites: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        it
        for it in variant["findings"]
        if it["suite"] in suites and it["outcome"] in ("fail", "inconclusive")
        if it["severity"] != "info"
    ]


def _verdict(against: list[dict[str, Any]]) -> str:
    outcomes = {it["outcome"] for it in against}
    return "NO-GO" if "fail" in outcomes else "INCONCLUSIVE" if outcomes else "GO"


def test_a_clean_release_is_never_refused_and_goes_wherever_nothing_disturbs(
    embedded, tmp_path, show
):
    suites = SUITES or EVERY
    found = [
        once(seed, share, tmp_path / f"{seed}", suites)
        for seed, share in enumerate([0.0] * REPEATS + [BUSY_SHARE] * REPEATS)
    ]
    show(tabulate([it.row() for it in found], headers=HEADERS, maxcolwidths=[None] * 4 + [90]))
    assert not [it for it in found if it.verdict == "NO-GO"]
    assert all(it.verdict == "GO" for it in found if not it.share)
    busy = [it for it in found if it.share]
    undecided = [it for it in busy if it.verdict != "GO"]
    assert len(undecided) <= math.ceil(0.2 * len(busy))
    assert all(DISTURBED in reason for it in undecided for reason in it.reasons)


@pytest.mark.parametrize("variant", ["int4"])
def test_sessions_of_the_same_bytes_agree(embedded, tmp_path, show, variant):
    found = [
        once(seed, 0.0, tmp_path / f"{seed}", ("latency",)).evidence for seed in range(SESSIONS)
    ]
    rows = []
    for metric in ("latency.ttft", "latency.itl", "latency.total"):
        held, pooled, spread = agreement(found, variant, metric)
        rows.append([metric, f"{pooled:.3f} x", f"{spread:.3f}", f"{held} of {len(found)}"])
    headers = ("metric", "pooled", "spread of sessions", "intervals that hold it")
    show(tabulate(rows, headers=headers))
    for row in rows:
        held = int(row[-1].split()[0])
        assert held >= math.floor(17 / 20 * len(found)), row


def agreement(evidence: list[Path], variant: str, metric: str) -> tuple[int, float, float]:
    """How many sessions' 90 % intervals hold the pooled ratio, that, and the sessions' spread."""
    sessions = []
    for path in evidence:
        [it] = [
            it
            for it in read_evidence(path).measurements
            if (it.metric, it.variant, it.beside) == (metric, variant, "fp32")
        ]
        sessions.append(figures(it.values, it.reference_values, it.clusters))
    means = np.array([it.mean() for it in sessions])
    pooled = float(np.concatenate(sessions).mean())
    intervals = [at_last_look(it, 0, 0.90) for it in sessions]
    held = sum(it.lower <= pooled <= it.upper for it in intervals)
    return held, math.exp(pooled), float(means.std(ddof=1))
