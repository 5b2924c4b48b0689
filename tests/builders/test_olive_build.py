"""Real builds with Olive of a random model, all of them in one process that may reach nobody."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import pytest

from harness.builders.assemble import build_variants
from harness.builders.olive import OliveBuilder
from harness.release import Algorithm, Precision, Stage
from harness.variant import Quantization, Recipe, Variant

from .conftest import make_recipe

GUARD = """
import os, sys

def forbid(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"):
        record(f"{event} {arguments[1:]}")
        raise OSError(f"the test forbids {event}")

def record(line):
    with open(LOG, "a") as log:
        log.write(f"{os.getpid()} {line}\\n")

record("armed: " + " ".join(sys.orig_argv[1:3]))
sys.addaudithook(forbid)
"""

GPTQ: dict[str, Any] = {
    "algorithm": Algorithm.GPTQ,
    "stage": Stage.CHECKPOINT,
    "calibration": Path(__file__).parent / "conversations.jsonl",
}
CONTEXT_TOKENS = 128  # of the 256 that the checkpoint has
RECIPES = (
    make_recipe("fp32", Precision.FP32),
    make_recipe("fp16", Precision.FP16),
    make_recipe("int8", Precision.INT8),
    make_recipe("int8-k", Precision.INT8, algorithm=Algorithm.K_QUANT, symmetric=False),
    make_recipe("int4"),
    make_recipe("int4-128", block_size=128, symmetric=False, context_tokens=CONTEXT_TOKENS),
    make_recipe("int4-k", algorithm=Algorithm.K_QUANT, symmetric=False),
    make_recipe("int4-16", block_size=16, accuracy_level=0),
    make_recipe(
        "int8-graph",
        Precision.INT8,
        algorithm=Algorithm.K_QUANT,
        symmetric=False,
        accuracy_level=0,
        stage=Stage.GRAPH,
    ),
    make_recipe("int4-gptq", **GPTQ),
    make_recipe("int4-gptq-zeros", symmetric=False, **GPTQ),
)
MATMULS = 2 * 5 + 1  # qkv, output, gate, up, down in each layer, and the output layer
APART = 2 * 7 + 1  # q, k and v each by itself
BITS = {Precision.INT8: 8, Precision.INT4: 4}


@dataclass
class Build:
    """One cold build of RECIPES by a process like the gate's."""

    cache: Path
    checkpoint: Path
    guard_log: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    imported: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def hits(self) -> dict[str, Variant]:
        builder = OliveBuilder(self.cache, worker="no.such.module")
        built = builder.build(RECIPES, self.checkpoint, lambda name, stage: None)
        return {name: v for name, v in built.items() if isinstance(v, Variant)}


@pytest.fixture(scope="module")
def build(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_checkpoint: Path,
    start_build: Callable[..., "subprocess.Popen[str]"],
) -> Build:
    directory = tmp_path_factory.mktemp("real")
    log = directory / "guard.log"
    (directory / "sitecustomize.py").write_text(f"LOG = {str(log)!r}\n{GUARD}")
    cache = directory / "cache"
    started = time.perf_counter()
    process = start_build(cache, tiny_checkpoint, "olive", RECIPES, first_path=directory)
    output, errors = process.communicate(timeout=600)
    seconds = time.perf_counter() - started
    assert process.returncode == 0, errors
    report = json.loads(output)
    lines = log.read_text().splitlines()
    return Build(cache, tiny_checkpoint, lines, report["outcome"], report["imported"], seconds)


def test_every_recipe_becomes_a_variant(build: Build) -> None:
    assert list(build.digests) == [recipe.name for recipe in RECIPES]
    assert all(digest.startswith("sha256:") for digest in build.digests.values()), build.digests


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_graph_holds_what_the_recipe_asks(recipe: Recipe, build: Build) -> None:
    found = build.hits()[recipe.name].quantization

    if recipe.precision in BITS:
        nodes = APART if recipe.name == "int4-gptq" else MATMULS
        wanted = (recipe.block_size, recipe.accuracy_level, recipe.symmetric, nodes)
        assert found == (Quantization(BITS[recipe.precision], *wanted),)
    else:
        assert found == ()


@pytest.mark.parametrize(("name", "tokens"), [("int4", 256), ("int4-128", CONTEXT_TOKENS)])
def test_the_context_is_the_sources_or_the_shorter_one_that_is_asked_for(
    name: str, tokens: int, build: Build
) -> None:
    config = json.loads((build.hits()[name].directory / "genai_config.json").read_text())

    assert (config["model"]["context_length"], config["search"]["max_length"]) == (tokens, tokens)


def test_nothing_is_sent_to_anyone(build: Build) -> None:
    armed = [line for line in build.guard_log if "armed" in line]

    assert any("harness.builders.olive_worker" in line for line in armed), armed
    assert [line for line in build.guard_log if line not in armed] == []


def test_the_process_that_asks_imports_nothing_heavy(build: Build) -> None:
    assert build.imported == []


def test_a_hit_costs_a_small_part_of_a_build(build: Build) -> None:
    started = time.perf_counter()
    hits = build.hits()
    seconds = time.perf_counter() - started

    assert {name: variant.digest for name, variant in hits.items()} == build.digests
    assert seconds < build.seconds / 5


def test_no_file_of_a_variant_names_the_machine(build: Build) -> None:
    for variant in build.hits().values():
        for name in variant.files:
            content = (variant.directory / name).read_bytes()
            assert str(build.checkpoint).encode() not in content, name
            assert str(build.cache).encode() not in content, name


def test_a_second_build_gives_the_same_bytes(build: Build, tmp_path: Path) -> None:
    again = build_variants([make_recipe()], build.checkpoint, tmp_path, lambda name, stage: None)[
        "int4"
    ]

    assert isinstance(again, Variant)
    assert again.digest == build.digests["int4"]


def test_every_variant_runs_and_stays_near_full_precision(build: Build) -> None:
    logits = {name: _logits(variant.directory) for name, variant in build.hits().items()}
    reference = logits["fp32"]
    errors = {
        name: float(numpy.linalg.norm(value - reference) / numpy.linalg.norm(reference))
        for name, value in logits.items()
    }

    assert errors["fp16"] < 0.01
    assert max(errors["int8"], errors["int8-k"], errors["int8-graph"]) < 0.1
    assert max(errors.values()) < 0.6
    assert errors["int8"] < errors["int4"]


def test_a_tied_embedding_is_no_obstacle(tied_checkpoint: Path, tmp_path: Path) -> None:
    recipes = [
        make_recipe("int8", Precision.INT8),
        make_recipe("int4"),
        make_recipe("int4-zero-points", block_size=64, symmetric=False),
        make_recipe("k", algorithm=Algorithm.K_QUANT, symmetric=False),
        make_recipe("gptq", **GPTQ),
        make_recipe("gptq-zero-points", symmetric=False, **GPTQ),
    ]
    built = build_variants(recipes, tied_checkpoint, tmp_path, lambda name, stage: None)

    for variant in built.values():
        assert isinstance(variant, Variant)
        assert numpy.isfinite(_logits(variant.directory)).all()


def _logits(directory: Path) -> numpy.ndarray:
    import onnxruntime_genai

    model = onnxruntime_genai.Model(str(directory))
    generator = onnxruntime_genai.Generator(model, onnxruntime_genai.GeneratorParams(model))
    generator.append_tokens(numpy.array([10, 55, 301, 77, 420, 99], dtype=numpy.int32))
    return numpy.array(generator.get_output("logits"), dtype=numpy.float64)[0]
