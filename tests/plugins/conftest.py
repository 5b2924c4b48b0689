"""Runs real sessions of the gate on the embedded variants, adopted as they are, briefly."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
TRAVEL = ROOT / "fixtures" / "travel"

RELEASE = """
[release]
name = "travel"
version = 1
{model}
{variants}
[data]
domain = "{data}"
{stated}
[runtime]
factory = "{factory}"
[policy]
path = "policy.toml"
"""
MODEL = f"""[model]
path = "{(TRAVEL / "model").as_posix()}"
"""
ABOUT_TIME = (
    '"latency',
    '"memory',
    '"scaling.cliff',
    '"scaling.decode_cliff',
    '"scaling.exponent',
    '"scaling.after_long',
)
VARIANT = """
[variants.{name}]
prebuilt = "{directory}"
precision = "{precision}"
role = "{role}"
"""


@dataclass(frozen=True)
class Ended:
    """How a session ended: status, what it printed, and its report, if it wrote one."""

    status: int
    output: str
    report: dict[str, Any]
    published: Path

    @property
    def packages(self) -> list[str]:
        return sorted(path.parent.parent.name for path in self.published.rglob("release.json"))

    def reasons(self, variant: str) -> str:
        findings = self.report["variants"][variant]["findings"]
        return "\n".join(it["reason"] for it in findings if it["outcome"] != "pass")


@dataclass(frozen=True)
class Gate:
    """A release of the embedded variants in a folder of its own.

    `about` are the suites that the policy has rules on, all where there are none. `stated` are
    lines of its data, `previous` is the folder of the previous release's variant, where it has one.
    """

    folder: Path
    variants: Mapping[str, Path]
    model: str = MODEL
    data: Path = TRAVEL / "eval.jsonl"
    about: tuple[str, ...] = ()
    stated: str = ""
    previous: Path | None = None

    def copy(self, name: str, as_name: str) -> Path:
        """A copy of a variant's folder to do damage to."""
        return Path(shutil.copytree(self.variants[name], self.folder / as_name))

    def run(
        self,
        *options: str,
        suites: str = "suites",
        factory: str = "harness.runtimes.ort_genai:OrtGenAI",
        has_source: bool = False,
        **variants: Path,
    ) -> Ended:
        """Run a session; `variants` are the candidates by name (int4 when there are none).

        Without a source, which takes seconds to ask, the policy accepts that there is none.
        """
        candidates = variants or {"int4": self.variants["int4"]}
        release = self.write(candidates, factory, self.model if has_source else "")
        published = self.folder / "published"
        command = [sys.executable, "-m", "pytest", *_split(suites), "--release", str(release)]
        command += ["--publish", str(published), "--reports", str(self.folder / "reports")]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        report = self.folder / "reports" / "latest" / "report.json"
        found = json.loads(report.read_text()) if report.exists() else {}
        return Ended(done.returncode, done.stdout + done.stderr, found, published)

    def write(self, candidates: Mapping[str, Path], factory: str, model: str = "") -> Path:
        tables = [
            VARIANT.format(
                name="fp32",
                directory=self.variants["fp32"].as_posix(),
                precision="fp32",
                role="reference",
            )
        ]
        tables += [
            VARIANT.format(name=name, directory=path.as_posix(), precision="int4", role="candidate")
            for name, path in candidates.items()
        ]
        if self.previous is not None:
            previous = {"name": "previous", "directory": self.previous.as_posix()}
            tables.append(VARIANT.format(**previous, precision="int4", role="baseline"))
        accepted = "" if model else 'without_source = "tried without"\n'
        policy = accepted + _brief_policy(self.about)
        (self.folder / "policy.toml").write_text(policy, encoding="utf-8")
        path = self.folder / "release.toml"
        data = self.data.as_posix()
        path.write_text(
            RELEASE.format(
                model=model,
                data=data,
                stated=self.stated,
                factory=factory,
                variants="".join(tables),
            ),
            encoding="utf-8",
        )
        return path


@pytest.fixture
def gate(embedded: dict[str, Path], tmp_path: Path) -> Gate:
    return Gate(tmp_path, embedded)


def _split(suites: str) -> list[str]:
    return [str(ROOT / part) for part in suites.split()]


def _brief_policy(about: tuple[str, ...] = ()) -> str:
    """The gate's own policy, with less to measure and no rule about time, which is noisy."""
    lines = (ROOT / "fixtures" / "policies" / "gate.toml").read_text(encoding="utf-8")
    parts = lines.split("\n[rules.")
    suites = tuple(f'"{suite}.' for suite in about) or ('"',)
    kept = [part for part in parts[1:] if not part.startswith(ABOUT_TIME)]
    kept = [part for part in kept if part.startswith(suites)]
    head = "".join(
        line
        for line in parts[0].partition("[plan]")[0].splitlines(keepends=True)
        if not line.startswith('    "') or line.lstrip().startswith(suites)
    )
    plan = """[plan]
latency_pairs = 4
latency_least_processes = 1
latency_processes = 1
latency_warmup_pairs = 0
latency_uptime_pairs = 0
load_repetitions = 1
memory_cycles = 2
device_answers = 4
scaling_repetitions = 1
scaling_longest_tokens = 1100
scaling_texts = 2
accuracy_items = 400
precision_items = 60
source_items = 10
edge_examples = 5
edge_chats = 1
edge_token_ids = 500
foundry_items = 1
default_items = 8
contract_prompts = 4
repeat_rate = 0.1
edge_unicode = 3
deadline_seconds = 5.0
"""
    return "\n[rules.".join([head + plan, *kept])
