"""A model of half a billion parameters: what the harness adds, and what the suites take.

Its weights are random, which costs the engine as much as any others. Needs the [build] extra,
about 4 GB of disk and 10 GB of memory.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tabulate import tabulate

from harness.builders.assemble import build_variants
from harness.errors import HarnessError
from harness.store import read_policy, read_release
from harness.variant import expand
from tests.benchmarks.overhead import LEAST_RATE, endless, measure, table
from tests.benchmarks.session import ROOT, run

HERE = Path(__file__).parent
TRAVEL = ROOT / "fixtures" / "travel"
ROUNDS, NEW_TOKENS = 16, 32
RELEASE = f"""
[release]
name = "large"
version = 1
[model]
path = "checkpoint"
[variants.fp32]
precision = "fp32"
role = "reference"
[variants.int4]
precision = "int4"
block_size = 32
symmetric = true
algorithm = "rtn"
[data]
domain = "{(TRAVEL / "eval.jsonl").as_posix()}"
[policy]
path = "policy.toml"
"""
# As many pairs and repetitions as fit into minutes at 100 prompt tokens a second: the figures of
# such a run are rough, its rules mostly undecided, and its seconds are what it is for.
POLICY = f"""
extends = "{(ROOT / "fixtures" / "policies" / "ci.toml").as_posix()}"
[plan]
latency_pairs = 4
latency_least_processes = 2
latency_processes = 2
latency_warmup_pairs = 0
latency_uptime_pairs = 0
load_repetitions = 2
memory_cycles = 3
memory_doublings = 1
memory_reloads = 1
scaling_repetitions = 2
scaling_longest_tokens = 256
scaling_texts = 1
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the checkpoint, a release and a policy; gone afterwards, it is large."""
    pytest.importorskip("olive", reason="building needs the [build] extra")
    folder = tmp_path_factory.mktemp("large")
    try:
        (folder / "checkpoint").mkdir()
        script = [sys.executable, str(HERE / "large_checkpoint.py")]
        command = [*script, str(TRAVEL / "model"), str(folder / "checkpoint")]
        subprocess.run(command, check=True, capture_output=True)
        (folder / "release.toml").write_text(RELEASE, encoding="utf-8")
        (folder / "policy.toml").write_text(POLICY, encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def variants(large: Path) -> dict[str, Path]:
    """Directories of the built variants, by name."""
    release = read_release(large / "release.toml")
    assert release.model is not None
    cache = large / "cache"
    built = build_variants(expand(release), release.model.path, cache, lambda name, stage: None)
    directories = {}
    for name, variant in built.items():
        assert not isinstance(variant, HarnessError), variant
        directories[name] = variant.directory
    return directories


def test_the_harness_decodes_a_large_shape_at_98_percent_of_a_bare_loop(variants, large, show):
    found = measure(endless(variants["int4"], large / "endless"), ROUNDS, NEW_TOKENS)
    show(table([it.row("0.5 B int4") for it in found]))
    for it in found:
        assert it.ratio.value >= LEAST_RATE, it.loop


def test_the_performance_suites_run_on_a_large_shape(variants, large, show):
    cost = run(
        large / "release.toml", large / "policy.toml", large, "--cache", str(large / "cache")
    )
    plan = read_policy(large / "policy.toml").plan
    show(f"{tabulate([cost.row('0.5 B')], headers=cost.headers, disable_numparse=True)}\n\n{plan}")
    assert cost.status in (0, 1, 6), cost.output
