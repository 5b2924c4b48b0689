"""Runs some suites in a session of their own, and tells what they took."""

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[2]
SPEED = ("latency", "memory", "scaling")
QUALITY = ("accuracy", "edge_cases", "precision")
_VERDICTS = {0: "GO", 1: "NO-GO", 6: "INCONCLUSIVE"}


@dataclass(frozen=True)
class Cost:
    """Seconds of a whole session, and of its suites' tests."""

    seconds: float
    by_suite: dict[str, float]
    tests: int
    status: int
    output: str

    @property
    def headers(self) -> tuple[str, ...]:
        """What stands over a row."""
        return ("session", "seconds", *self.by_suite, "tests", "verdict")

    def row(self, session: str) -> list[str]:
        """As the table shows it."""
        suites = (f"{seconds:.1f}" for seconds in self.by_suite.values())
        verdict = _VERDICTS.get(self.status, f"status {self.status}")
        return [session, f"{self.seconds:.1f}", *suites, str(self.tests), verdict]


def run(
    release: Path, policy: Path, folder: Path, *options: str, suites: Sequence[str] = SPEED
) -> Cost:
    """The session as a user runs it; its reports go to `folder`."""
    results = folder / "results.xml"
    command = [sys.executable, "-m", "pytest", *(f"suites/test_{name}.py" for name in suites)]
    command += ["--release", str(release), "--policy", str(policy), "--no-publish"]
    command += ["--reports", str(folder / "reports"), "--junitxml", str(results), *options]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    output = done.stdout + done.stderr
    assert results.exists(), output
    cases = list(ElementTree.parse(results).iter("testcase"))
    by_suite = {suite: _seconds(cases, suite) for suite in suites}
    return Cost(seconds, by_suite, len(cases), done.returncode, output)


def _seconds(cases: list[ElementTree.Element], suite: str) -> float:
    mine = (case for case in cases if case.get("classname", "").endswith(f"test_{suite}"))
    return sum(float(case.get("time", "0")) for case in mine)
