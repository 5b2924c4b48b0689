"""A device's limits, as a child process really has them: seen from outside, and by what it does."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.answer import Answer, Finish, Request
from harness.device import Limits
from harness.errors import CrashError, InfrastructureError, LoadError, ModelError
from harness.fleet import Fleet
from harness.release import ONNXRUNTIME_GENAI, Precision, Role
from harness.runtimes.caps import is_over_cap, says_out_of_memory
from harness.runtimes.isolated import Isolated
from harness.runtimes.scripted import Scripted
from harness.variant import Recipe, Variant

MEBIBYTE = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")


@contextmanager
def limited(factory: str, directory: Path, limits: Limits) -> Iterator[Isolated]:
    with Isolated(factory, directory, label="int4", limits=limits) as runtime:
        yield runtime


def process_of(runtime: Isolated) -> psutil.Process:
    runtime.ready()
    assert runtime._child is not None
    return psutil.Process(runtime._child.pid)


def cap_of(process: psutil.Process) -> int:
    """The soft limit on data, -1 where there is none."""
    return process.rlimit(psutil.RLIMIT_DATA)[0]


class TellsOfItsCap(Scripted):
    """Answers whether so many MiB, as its text says, are over the cap."""

    def answer(self, request: Request) -> Answer:
        needed = int(request.text or "0") * MEBIBYTE
        return replace(super().answer(request), text=str(is_over_cap(needed)))


def test_a_process_knows_what_its_cap_refuses(tmp_path: Path) -> None:
    for limits, expected in ((Limits(memory_bytes=64 * MEBIBYTE), "True"), (Limits(), "False")):
        with limited(f"{__name__}:TellsOfItsCap", tmp_path, limits) as runtime:
            found = runtime.run([Request(text="1"), Request(text="9999999")])
        assert [it.text for it in found] == ["False", expected]


class Takes(Scripted):
    """Takes as many MiB for an answer as its text says, and fails as numpy does."""

    def answer(self, request: Request) -> Answer:
        taken = bytearray(int(request.text or "0") * MEBIBYTE)
        answer = super().answer(request)
        del taken
        return answer


class TakesTooMuch(Takes):
    def load(self, directory: Path) -> None:
        self.model = bytearray(200 * MEBIBYTE)
        super().load(directory)


class DiesOfIt(Scripted):
    """Ends as an engine does where a thread of its own gets no memory."""

    def misbehave(self, number: int, request: Request) -> None:
        import os
        import signal

        print("terminate called\n  what():  std::bad_alloc", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGABRT)


def test_a_process_keeps_to_its_processors_and_its_memory(tmp_path: Path) -> None:
    one = min(psutil.Process().cpu_affinity())
    with limited(
        "harness.runtimes.scripted:Scripted", tmp_path, Limits((one,), 1, 64 * MEBIBYTE)
    ) as it:
        process = process_of(it)
        assert process.cpu_affinity() == [one]
        assert 64 * MEBIBYTE < cap_of(process) < 1024 * MEBIBYTE
    with Isolated("harness.runtimes.scripted:Scripted", tmp_path) as free:
        process = process_of(free)
        assert process.cpu_affinity() == psutil.Process().cpu_affinity()
        assert cap_of(process) == -1


def test_the_engine_computes_with_the_threads_it_is_told(embedded: Mapping[str, Path]) -> None:
    found = {}
    for threads in (1, 2, 4):
        with limited(ONNXRUNTIME_GENAI, embedded["int4"], Limits(threads=threads)) as runtime:
            runtime.run([Request(text="hello", max_new_tokens=2)])
            found[threads] = process_of(runtime).num_threads()
    assert found[2] == found[1] + 1
    assert found[4] == found[1] + 3


def test_threads_of_a_package_give_way_to_the_devices(
    embedded: Mapping[str, Path], tmp_path: Path
) -> None:
    import json
    import shutil

    directory = Path(shutil.copytree(embedded["int4"], tmp_path / "greedy"))
    path = directory / "genai_config.json"
    config = json.loads(path.read_text())
    config["model"]["decoder"]["session_options"]["intra_op_num_threads"] = 6
    path.write_text(json.dumps(config))
    threads = []
    for limits in (Limits(), Limits(threads=1)):
        with limited(ONNXRUNTIME_GENAI, directory, limits) as runtime:
            threads.append(process_of(runtime).num_threads())
    assert threads[0] == threads[1] + 5


def test_the_engine_refuses_what_the_device_has_no_room_for(embedded: Mapping[str, Path]) -> None:
    """A load in 1 MiB, and a prompt of 3,000 tokens in 16; a short one fits."""
    tiny = limited(ONNXRUNTIME_GENAI, embedded["int4"], Limits((), 1, MEBIBYTE))
    with tiny as runtime, pytest.raises(ModelError) as caught:
        runtime.ready()
    assert "out of memory: the device leaves it 1 MiB" in str(caught.value)
    with limited(ONNXRUNTIME_GENAI, embedded["int4"], Limits((), 1, 16 * MEBIBYTE)) as runtime:
        short = Request(token_ids=(5,) * 8, max_new_tokens=2)
        assert runtime.run([short])[0].finish != Finish.ERROR
        [long] = runtime.run([Request(token_ids=(5,) * 3000, max_new_tokens=2)])
    assert long.finish == Finish.ERROR
    assert "out of memory: the device leaves it 16 MiB, of which it holds" in long.error


def test_memory_that_the_cap_refuses_is_told_with_both_figures(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=64 * MEBIBYTE)
    with limited(f"{__name__}:Takes", tmp_path, limits) as runtime:
        small, large = runtime.run([Request(text="8"), Request(text="200")])
    assert small.finish != Finish.ERROR
    assert large.error.startswith("MemoryError")
    assert "(out of memory: the device leaves it 64 MiB, of which it holds " in large.error
    large_model = limited(f"{__name__}:TakesTooMuch", tmp_path, limits)
    with large_model as runtime, pytest.raises(LoadError, match="the device leaves it 64 MiB"):
        runtime.ready()


class HasNoRoomForLogits(Scripted):
    def answer(self, request: Request) -> Answer:
        if request.is_scored:
            raise MemoryError
        return super().answer(request)


@pytest.mark.parametrize("limits", [Limits(), Limits(memory_bytes=64 * MEBIBYTE)])
def test_logits_that_only_the_gate_asks_for_are_never_the_variants_fault(
    tmp_path: Path, limits: Limits
) -> None:
    with limited(f"{__name__}:HasNoRoomForLogits", tmp_path, limits) as runtime:
        assert runtime.run([Request(text="8")])[0].finish != Finish.ERROR
        with pytest.raises(InfrastructureError, match="no memory for the logits of a prompt"):
            runtime.run([Request(token_ids=(1, 2, 3), score_from=1)])


class TakesWhereNobodyCatches(Takes):
    """Memory is short outside of what a runtime is asked, as where its objects are collected."""

    def close(self) -> None:
        bytearray(200 * MEBIBYTE)


def test_memory_that_the_cap_refuses_anywhere_is_no_fault_of_the_machine(tmp_path: Path) -> None:
    factory = f"{__name__}:TakesWhereNobodyCatches"
    with limited(factory, tmp_path, Limits(memory_bytes=64 * MEBIBYTE)) as runtime:
        runtime.ready()
        with pytest.raises(ModelError, match=r"MemoryError.* the device leaves it 64 MiB"):
            runtime.reload()


def test_a_process_that_dies_of_the_cap_says_so(tmp_path: Path) -> None:
    for limits, says in ((Limits(memory_bytes=64 * MEBIBYTE), True), (Limits(), False)):
        dying = limited(f"{__name__}:DiesOfIt", tmp_path, limits)
        with dying as runtime, pytest.raises(CrashError, match="SIGABRT") as caught:
            runtime.run([Request(text="hello")])
        assert ("the device leaves it 64 MiB" in str(caught.value)) is says


def test_logits_that_only_the_gate_asks_for_are_never_refused_by_the_cap(tmp_path: Path) -> None:
    limits = Limits(memory_bytes=64 * MEBIBYTE)
    with limited(f"{__name__}:Takes", tmp_path, limits) as runtime:
        process = process_of(runtime)
        assert cap_of(process) > 0
        [scored] = runtime.run([Request(text="200", score_from=1)])
        assert "out of memory" not in scored.error
        assert "MemoryError" not in scored.error
        assert cap_of(process) == -1


def test_limits_are_for_both_sides_and_for_no_other_runtime(tmp_path: Path) -> None:
    variants = {
        name: Variant(Recipe(name, role, Precision.FP32), tmp_path, {}, "sha256:0")
        for name, role in (("fp32", Role.REFERENCE), ("int4", Role.CANDIDATE))
    }
    limits = Limits(memory_bytes=64 * MEBIBYTE)
    scripted = "harness.runtimes.scripted:Scripted"
    with Fleet(variants, scripted, 60.0, limits=limits) as fleet:
        caps = []
        for name in variants:
            with fleet.fresh(name) as runtime:
                caps.append(cap_of(process_of(runtime)))
        with fleet.fresh("int4", "harness.runtimes.scripted:Slow") as other:
            assert cap_of(process_of(other)) == -1
    assert min(caps) > 64 * MEBIBYTE


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("Exception during initialization: std::bad_alloc", True),
        ("Could not allocate the key-value cache buffer of shape: ...", True),
        ("Unable to allocate 9.31 GiB for an array with shape (40960, 61035)", True),
        ("libgcc_s.so.1 must be installed for unwinding to work", True),
        ("pthread_create failed, error code: 12 error msg: Cannot allocate memory", True),
        ("input_ids size (5000) exceeds the max length", False),
        ("", False),
    ],
)
def test_words_for_want_of_memory_are_known(text: str, is_so: bool) -> None:
    assert says_out_of_memory(text) is is_so
