"""Soaks runtimes that leak, and one that does not, as the memory suite does."""

import statistics
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from tabulate import tabulate

from harness.bank import shuffled
from harness.bench import Bench
from harness.domain import read_items
from harness.evidence import Evidence, Subject
from harness.finding import Finding, Outcome
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Policy
from harness.release import Data, Precision, Role
from harness.stage import Stage
from harness.store import read_policy
from harness.variant import Recipe, Variant
from harness.verdict import judge_measurements
from suites import test_memory as suite
from tests.conftest import ROOT
from tests.plugins.plants import KeepsGenerators, LeaksOneKiB

PROCESSES = 2  # memory does not mind company
RULES = ("memory.growth", "memory.heap_growth")
HEADERS = (
    "runtime",
    "fail",
    "undecided",
    "of",
    "private KiB/request",
    "heap KiB/request",
    "seconds",
)


class LeaksHalfKiB(LeaksOneKiB):
    """Leaks in native code, whatever the folder is called."""

    leaked_bytes = 512

    def load(self, directory: Path) -> None:
        super().load(directory)
        self.is_damaged = True


class KeepsEveryGenerator(KeepsGenerators):
    """Keeps its generators, whatever the folder is called."""

    def load(self, directory: Path) -> None:
        super().load(directory)
        self.is_damaged = True


@dataclass(frozen=True)
class Soaked:
    """What the gate's rules say of one process, and how long it took."""

    findings: dict[str, Finding]
    seconds: float

    def is_any(self, outcome: Outcome) -> bool:
        """Whether some rule on growth came out so."""
        return any(it.outcome is outcome for it in self.findings.values())


def soak_many(directory: Path, factory: str, runs: int) -> list[Soaked]:
    """The memory suite's check on so many new processes, each over a bank in its own order."""
    seeds = [range(first, runs, PROCESSES) for first in range(PROCESSES)]
    with ThreadPoolExecutor(PROCESSES) as pool:
        found = pool.map(_soak_some, repeat(directory), repeat(factory), seeds)
        return [it for some in found for it in some]


def row(name: str, found: Sequence[Soaked]) -> list[object]:
    """As the table shows it: how many of each outcome, and medians with the largest behind them."""
    return [
        name,
        sum(it.is_any(Outcome.FAIL) for it in found),
        sum(it.is_any(Outcome.INCONCLUSIVE) for it in found),
        len(found),
        *(_spread([_growth(it, rule) for it in found]) for rule in RULES),
        f"{statistics.median(it.seconds for it in found):.1f}",
    ]


def table(rows: Iterable[Sequence[object]]) -> str:
    """The figures of some runtimes."""
    return tabulate(rows, headers=HEADERS, disable_numparse=True)


def _soak_some(directory: Path, factory: str, seeds: Iterable[int]) -> list[Soaked]:
    policy = read_policy(ROOT / "fixtures" / "policies" / "gate.toml")
    items = read_items(Data(ROOT / "fixtures" / "travel" / "eval.jsonl"))
    roles = {"int4": Role.CANDIDATE, "reference": Role.REFERENCE}
    variants = {
        name: Variant(Recipe(name, role, Precision.INT4), directory, {}, "sha256:0")
        for name, role in roles.items()
    }
    with Fleet(variants, factory, policy.plan.deadline_seconds) as fleet:
        fleet.encode("int4", ["a first use, which starts a process"])
        return [_soak(fleet, shuffled(items, seed), policy) for seed in seeds]


def _soak(fleet: Fleet, items: tuple[Item, ...], policy: Policy) -> Soaked:
    stage = Stage(fleet, "reference", items, policy.plan, "here", rules=policy.rules)
    taken: list[object] = []
    started = time.perf_counter()
    suite.test_memory(Bench(stage, "int4", "memory"), lambda *handed_in: taken.extend(handed_in))
    seconds = time.perf_counter() - started
    subjects = {
        name: Subject(fleet.variant(name).recipe.role, Precision.INT4, "sha256:0")
        for name in ("int4", "reference")
    }
    evidence = Evidence("travel", subjects, "here", measurements=tuple(taken))
    findings = judge_measurements(evidence.measurements, "int4", evidence, policy)
    return Soaked({it.rule: it for it in findings if it.rule in RULES}, seconds)


def _growth(it: Soaked, rule: str) -> float:
    measured = it.findings[rule].measured
    assert measured is not None
    return measured


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3g} (to {max(values):.3g})"
