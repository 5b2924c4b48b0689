"""Sessions of the embedded release that must all end alike, and whether their intervals agree."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.stats.clusters import at_last_look, figures
from harness.store import read_evidence
from tests.benchmarks.neighbour import neighbour
from tests.benchmarks.session import ROOT, run

HEADERS = ("seed", "kind", "seconds", "verdict", "why not GO")
NAMES_WHY = ("others used", "disturbed", "not settled")
"""What a reason says where the machine was not quiet."""

_WHOLE = ("session.variant", "session.complete")
_GATE = ROOT / "fixtures" / "policies" / "gate.toml"
_FIXTURES = ROOT / "fixtures"
_BUSY_SHARE = 0.5  # of the time the neighbour keeps one core busy
_VARIANTS = {
    "fp32": 'precision = "fp32"\nrole = "reference"',
    "int8": 'precision = "int8"',
    "int4": 'precision = "int4"\nblock_size = 32\nsymmetric = true\nalgorithm = "rtn"',
}
_RELEASE = """
[release]
name = "travel-concierge"
version = 1
[model]
path = "{fixtures}/travel/model"
{variants}
[data]
domain = "{fixtures}/travel/eval.jsonl"
[device]
profile = "{device}"
[policy]
path = "{fixtures}/policies/gate.toml"
"""


@dataclass(frozen=True)
class Kind:
    """What is other than usual in a session, of the same bytes."""

    name: str
    is_busy: bool = False
    is_rebuilt: bool = False
    is_turned: bool = False  # the variants in another order
    threads: int = 2


QUIET = Kind("quiet")
NEIGHBOUR = Kind("neighbour", is_busy=True)
REBUILT = Kind("rebuilt", is_rebuilt=True)
TURNED = Kind("other order", is_turned=True)
ONE_THREAD = Kind("one thread", threads=1)


@dataclass(frozen=True)
class Once:
    """How a session ended, and every sentence that stands against a GO."""

    seed: int
    kind: Kind
    seconds: float
    verdicts: dict[str, str]
    reasons: tuple[str, ...]
    evidence: Path

    @property
    def verdict(self) -> str:
        """The worst of the variants'."""
        order = ("NO-GO", "INCONCLUSIVE", "GO")
        return min(self.verdicts.values(), key=order.index)

    @property
    def is_explained(self) -> bool:
        """Whether each reason says what disturbed the machine."""
        return all(any(why in reason for why in NAMES_WHY) for reason in self.reasons)

    def row(self) -> list[str]:
        """As the table shows it."""
        reasons = "; ".join(self.reasons)
        return [str(self.seed), self.kind.name, f"{self.seconds:.0f}", self.verdict, reasons]


def once(
    seed: int,
    kind: Kind,
    folder: Path,
    suites: Sequence[str],
    names: Sequence[str] = tuple(_VARIANTS),
) -> Once:
    """A session with that seed, of these variants; only what its suites say counts."""
    folder.mkdir()
    options = ["--seed", str(seed)]
    if kind.is_rebuilt:
        options += ["--cache", str(folder / "variants")]
    with neighbour(_BUSY_SHARE if kind.is_busy else 0.0):
        cost = run(_release(kind, folder, names), _GATE, folder, *options, suites=suites)
    report = folder / "reports" / "latest" / "report.json"
    assert report.exists(), cost.output
    variants = json.loads(report.read_text(encoding="utf-8"))["variants"]
    against = {name: _against(found, suites) for name, found in variants.items()}
    verdicts = {name: _verdict(found) for name, found in against.items()}
    reasons = tuple(finding["reason"] for found in against.values() for finding in found)
    return Once(seed, kind, cost.seconds, verdicts, reasons, report.with_name("evidence.json"))


def _release(kind: Kind, folder: Path, names: Sequence[str]) -> Path:
    names = sorted(names) if kind.is_turned else names
    variants = "\n".join(f"[variants.{name}]\n{_VARIANTS[name]}" for name in names)
    device = _FIXTURES / "devices" / "laptop-8gb.toml"
    text = device.read_text(encoding="utf-8")
    profile = folder / "device.toml"
    assert "threads = 2 " in text
    profile.write_text(text.replace("threads = 2 ", f"threads = {kind.threads} "), encoding="utf-8")
    release = folder / "release.toml"
    filled = _RELEASE.format(fixtures=_FIXTURES, variants=variants, device=profile)
    release.write_text(filled, encoding="utf-8")
    return release


def _against(variant: dict[str, Any], suites: Sequence[str]) -> list[dict[str, Any]]:
    return [
        finding
        for finding in variant["findings"]
        if finding["suite"] in suites or finding["rule"] in _WHOLE
        if finding["outcome"] in ("fail", "inconclusive")
        if finding["severity"] != "info"
    ]


def _verdict(against: list[dict[str, Any]]) -> str:
    outcomes = {finding["outcome"] for finding in against}
    return "NO-GO" if "fail" in outcomes else "INCONCLUSIVE" if outcomes else "GO"


def agreement(evidence: Sequence[Path], variant: str, metric: str) -> tuple[int, float, float]:
    """How many sessions' 90 % intervals hold the pooled ratio, that, and the sessions' spread."""
    logs = []
    looks = []
    for path in evidence:
        [found] = [
            one
            for one in read_evidence(path).measurements
            if (one.metric, one.variant, one.beside) == (metric, variant, "fp32")
        ]
        logs.append(figures(found.values, found.reference_values, found.clusters))
        looks.append(found.planned)
    means = np.array([session.mean() for session in logs])
    pooled = float(np.concatenate(logs).mean())
    intervals = [
        at_last_look(session, planned, 0.90) for session, planned in zip(logs, looks, strict=True)
    ]
    held = sum(found.lower <= pooled <= found.upper for found in intervals)
    spread = float(means.std(ddof=1)) if means.size > 1 else 0.0
    return held, math.exp(pooled), spread
