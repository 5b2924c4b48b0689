"""Builds that end badly: the process is real, what it would do with Olive is not."""

import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.builders.olive import OliveBuilder
from harness.errors import BuildError, InfrastructureError
from harness.variant import Recipe, Variant

Make = Callable[..., Recipe]


def ignore(name: str, stage: str) -> None:
    pass


def entries(cache: Path) -> list[Path]:
    return [path for path in cache.iterdir() if not path.name.startswith("failed-")]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("dies", r"the build process was killed: SIGKILL; the log is .*\.log"),
        ("leaves", r"the build process ended without it; the log is .*\.log"),
        ("empty", r"finished without a model: genai_config.json was not written; the log is"),
        ("raises", r"the build failed with RuntimeError: two lines; the log is .*\.log"),
    ],
)
def test_a_build_that_fails_is_one_line_and_leaves_nothing(
    name: str, line: str, builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    error = builder.build([recipe(name)], checkpoint, ignore)[name]

    assert isinstance(error, BuildError)
    assert "\n" not in str(error)
    assert re.search(line, str(error))
    assert entries(builder.cache) == []

    good = builder.build([recipe("good")], checkpoint, ignore)["good"]
    assert isinstance(good, Variant)
    assert [path.name for path in builder.cache.iterdir()] == [good.directory.parent.name]


def test_a_full_disk_is_the_machine_not_the_model(
    builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    error = builder.build([recipe("full")], checkpoint, ignore)["full"]

    assert type(error) is InfrastructureError
    assert "no space is left" in str(error)
    assert entries(builder.cache) == []


def test_a_silent_build_is_ended_at_its_deadline(
    builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    processes: list[int] = []

    def show(name: str, stage: str) -> None:
        if stage.startswith("process"):
            processes.append(int(stage.split()[1]))

    hasty = replace(builder, deadline_seconds=2)
    error = hasty.build([recipe("hangs")], checkpoint, show)["hangs"]

    assert isinstance(error, BuildError)
    assert "must report within 2 s" in str(error)
    assert [psutil.pid_exists(process) for process in processes] == [False]


def test_a_death_costs_only_the_build_at_hand(
    builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    names = ("before", "dies", "after")
    recipes = [
        recipe(name, block_size=size) for name, size in zip(names, (16, 32, 64), strict=True)
    ]

    built = builder.build(recipes, checkpoint, ignore)

    assert [type(built[name]) for name in names] == [Variant, BuildError, Variant]


def test_equal_recipes_are_built_once(
    builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    shown: list[tuple[str, str]] = []

    built = builder.build(
        [recipe("one"), recipe("two")], checkpoint, lambda *stage: shown.append(stage)
    )

    one, two = built["one"], built["two"]
    assert isinstance(one, Variant)
    assert isinstance(two, Variant)
    assert (one.name, two.name) == ("one", "two")
    assert one.directory == two.directory
    assert shown.count(("one", "building")) == shown.count(("two", "building")) == 1


def test_two_processes_with_one_key_do_not_harm_each_other(
    tmp_path: Path, builder: OliveBuilder, checkpoint: Path, recipe: Make, start_build: Callable
) -> None:
    recipes = [recipe(str(size), block_size=size) for size in (16, 32, 64, 128)]
    both = [start_build(builder.cache, checkpoint, "fake_worker", recipes) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in both]

    assert [process.returncode for process in both] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0]
    assert outputs[0][0].count("sha256:") == len(recipes)
    assert len(entries(builder.cache)) == len(recipes)


def test_a_killed_gate_takes_its_build_along_and_the_next_one_sweeps(
    builder: OliveBuilder, checkpoint: Path, recipe: Make, start_build: Callable
) -> None:
    gate = start_build(builder.cache, checkpoint, "fake_worker", [recipe("hangs")])
    line = next(line for line in gate.stderr if "process" in line)
    build = psutil.Process(int(line.split()[-1]))
    gate.send_signal(signal.SIGKILL)
    gate.communicate()

    assert psutil.wait_procs([build], timeout=60)[1] == []
    assert len(entries(builder.cache)) == 1  # the staging area, which nothing takes for an entry
    good = builder.build([recipe("good")], checkpoint, ignore)["good"]
    assert isinstance(good, Variant)
    assert entries(builder.cache) == [good.directory.parent]


def test_an_interrupt_ends_the_build_and_leaves_nothing(
    builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    processes: list[int] = []

    def interrupt(name: str, stage: str) -> None:
        if stage.startswith("process"):
            processes.append(int(stage.split()[1]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builder.build([recipe("hangs")], checkpoint, interrupt)

    assert [psutil.pid_exists(process) for process in processes] == [False]
    assert list(builder.cache.iterdir()) == []
