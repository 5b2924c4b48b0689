"""The child process: how it ends, what is said of it, and that it leaves nothing behind."""

import itertools
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.answer import Finish, Request
from harness.errors import (
    ConfigError,
    CrashError,
    HangError,
    InfrastructureError,
    LoadError,
    RequestError,
)
from harness.probes.memory import Memory, read_memory
from harness.runtimes.channel import Cycles, Question, write
from harness.runtimes.child import Child
from harness.runtimes.isolated import Isolated

PLAN = [Request(text=f"question {number}") for number in range(4)]

TELLS_ENVIRONMENT = """
import os
from dataclasses import replace

from harness.runtimes.scripted import Scripted

class Tells(Scripted):
    def answer(self, request):
        return replace(super().answer(request), text=os.environ.get("ORT_DISABLE_TELEMETRY", ""))
"""


def scripted(name: str, directory: Path, **options: object) -> Isolated:
    factory = f"harness.runtimes.scripted:{name}"
    return Isolated(factory, directory, label="int4", **options)  # type: ignore[arg-type]


def pid_of(runtime: Isolated) -> int:
    assert runtime._child is not None
    return runtime._child.pid


def heap_levels(cycles: Cycles) -> list[int]:
    if not hasattr(psutil, "heap_info"):
        pytest.skip("psutil cannot ask this C library")
    return [it.heap_bytes for it in cycles.samples if it.heap_bytes is not None]


def kill(runtime: Isolated) -> None:
    assert runtime._child is not None
    runtime._child._process.kill()
    runtime._child._process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Crashing", "the process died of SIGSEGV (segmentation fault)"),
        ("Killed", "the process died of SIGKILL (as the out-of-memory killer does)"),
        ("Aborting", "the process died of SIGABRT (abort)"),
        ("Exiting", "the process ended with exit status 3"),
    ],
)
def test_a_crash_names_the_variant_the_signal_and_the_request(
    name: str, message: str, tmp_path: Path
) -> None:
    with scripted(name, tmp_path) as runtime, pytest.raises(CrashError) as caught:
        runtime.run(PLAN)
    where = "at request 3 of 4 (text of 10 characters: 'question 2')"
    assert str(caught.value).startswith(f"int4: {message} {where}")


def test_time_in_which_the_gate_was_stopped_is_not_held_against_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted("Scripted", tmp_path, patience=60.0) as runtime:
        runtime.start()
        hours = itertools.count(step=3600)
        with monkeypatch.context() as patch:
            patch.setattr(time, "monotonic", lambda: float(next(hours)))
            assert len(runtime.run(PLAN)) == len(PLAN)


def test_a_crash_carries_the_last_words(tmp_path: Path) -> None:
    with scripted("Aborting", tmp_path) as runtime, pytest.raises(CrashError) as caught:
        runtime.run(PLAN)
    words = "\"terminate called after throwing an instance of 'std::bad_alloc'\""
    assert str(caught.value).endswith(f"; its last words: {words}")


def test_a_crash_while_loading_says_so(tmp_path: Path) -> None:
    runtime = scripted("CrashingOnLoad", tmp_path)
    with runtime, pytest.raises(CrashError, match="while loading"):
        runtime.start()


def test_a_crash_while_closing_says_so_in_a_reload_and_is_overheard_at_the_end(
    tmp_path: Path,
) -> None:
    with scripted("CrashingOnClose", tmp_path) as runtime:
        with pytest.raises(CrashError, match="while closing"):
            runtime.reload()
        runtime.start()
        pid = pid_of(runtime)
    assert not psutil.pid_exists(pid)


def test_a_crash_between_requests_says_so(tmp_path: Path) -> None:
    with scripted("Scripted", tmp_path) as runtime:
        runtime.start()
        kill(runtime)
        with pytest.raises(InfrastructureError, match="between requests, asked to encode"):
            runtime.encode(["a"])


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_who_is_killed_while_it_gives_logits_was_asked_too_much(tmp_path: Path) -> None:
    plan = [replace(request, text=None, token_ids=(1, 2), score_from=1) for request in PLAN]
    with scripted("Killed", tmp_path) as runtime, pytest.raises(InfrastructureError) as caught:
        runtime.run(plan)
    assert "died of SIGKILL" in str(caught.value)
    assert "give this machine more free memory" in str(caught.value)


def test_a_crash_in_a_later_cycle_names_the_request_of_the_plan(tmp_path: Path) -> None:
    runtime = scripted("Crashing", tmp_path)
    with runtime, pytest.raises(CrashError, match="at request 1 of 2"):
        runtime.run_cycles(PLAN[:2], cycles=3)


def test_a_crashed_child_is_replaced_at_the_next_use(tmp_path: Path) -> None:
    with scripted("Crashing", tmp_path) as runtime:
        with pytest.raises(CrashError):
            runtime.run(PLAN)
        assert [answer.finish for answer in runtime.run(PLAN[:2])] == [Finish.STOP] * 2


def test_a_hang_ends_at_the_deadline_and_names_the_request(tmp_path: Path) -> None:
    with scripted("Hanging", tmp_path) as runtime:
        runtime.start()
        pid = pid_of(runtime)
        with pytest.raises(HangError, match=r"^int4: no progress within 0.3 s at request 3 of 4"):
            runtime.run(PLAN, deadline_seconds=0.3)
        assert not psutil.pid_exists(pid)
        assert len(runtime.run(PLAN[:2])) == 2


def test_a_load_that_hangs_ends_at_the_deadline(tmp_path: Path) -> None:
    runtime = scripted("HangingOnLoad", tmp_path, patience=0.9)
    with runtime, pytest.raises(HangError, match=r"within 0.9 s (while loading|at its start)"):
        runtime.start()


def test_each_load_may_take_as_long_as_its_folder_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited, ask = dict[str, float](), Child.ask

    def listen(child: Child, question: Question, deadline_seconds: float) -> object:
        waited[question.method] = deadline_seconds
        return ask(child, question, deadline_seconds)

    monkeypatch.setattr(Child, "ask", listen)
    sizes = {"model.onnx": 10**6, "model.onnx.data": 15 * 10**9 - 10**6}
    monkeypatch.setattr("harness.runtimes.isolated.file_sizes", lambda _: sizes)
    with scripted("Scripted", tmp_path, patience=120.0) as runtime:
        runtime.start()
        runtime.encode(["a"])
        runtime.reload()
    assert (waited["start"], waited["encode"], waited["reload"]) == (750, 120, 750)


def test_the_deadline_begins_anew_with_each_request(tmp_path: Path) -> None:
    with scripted("Slow", tmp_path) as runtime:
        assert len(runtime.run([PLAN[0]] * 400, deadline_seconds=0.5)) == 400


def test_what_a_foreign_runtime_raises_is_one_answer(tmp_path: Path) -> None:
    with scripted("Raising", tmp_path) as runtime:
        answers = runtime.run(PLAN)
    assert [answer.finish for answer in answers] == ["stop", "stop", "error", "stop"]
    assert answers[2].error == "OSError: the device is gone"


def test_prints_do_not_disturb_the_replies(tmp_path: Path) -> None:
    with scripted("Chatty", tmp_path) as runtime:
        assert [answer.finish for answer in runtime.run(PLAN)] == [Finish.STOP] * 4


def test_a_reply_that_cannot_be_read_ends_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
from harness.runtimes.scripted import Scripted
class Unreadable:
    def __reduce__(self): return (int, ("no number",))
class Mine(Scripted):
    def answer(self, request): return Unreadable()
"""
    (tmp_path / "unreadable_of_the_user.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("harness.runtimes.child._GRACE_SECONDS", 0.1)
    runtime = Isolated("unreadable_of_the_user:Mine", tmp_path)
    with runtime, pytest.raises(CrashError, match="gave what is no reply"):
        runtime.run(PLAN)


def test_what_cannot_be_encoded_is_a_request_error(tmp_path: Path) -> None:
    with scripted("Scripted", tmp_path) as runtime:
        with pytest.raises(RequestError, match="int4: UnicodeEncodeError: "):
            runtime.encode(["\ud800"])
        assert runtime.encode(["a"]) == [[97]]


def test_a_runtime_of_the_users_own_is_found_where_the_gate_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from harness.runtimes.scripted import Scripted\nclass Mine(Scripted): pass\n"
    (tmp_path / "mine_of_the_user.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with Isolated("mine_of_the_user:Mine", tmp_path) as runtime:
        assert runtime.run(PLAN[:1])[0].finish == Finish.STOP


@pytest.mark.parametrize("factory", ["no.such:Runtime", "harness.runtimes.scripted:NoSuch"])
def test_a_factory_that_is_not_there_is_a_mistake_of_the_user(factory: str, tmp_path: Path) -> None:
    with Isolated(factory, tmp_path) as runtime, pytest.raises(ConfigError, match=factory):
        runtime.start()


def test_a_leak_shows_in_the_memory_of_each_cycle(tmp_path: Path) -> None:
    with scripted("Leaking", tmp_path) as runtime:
        cycles = runtime.run_cycles(PLAN * 4, cycles=4)
    assert (len(cycles.samples), cycles.requests, cycles.errors) == (4, 64, 0)
    assert len(cycles.seconds) == 4
    assert min(cycles.seconds) > 0
    for levels in ([it.private_bytes for it in cycles.samples], heap_levels(cycles)):
        assert levels[-1] - levels[0] >= 3 * 16 * 65536


def test_cycles_end_before_they_take_more_memory_than_they_may(tmp_path: Path) -> None:
    with scripted("Leaking", tmp_path) as runtime:
        cycles = runtime.run_cycles(PLAN * 4, cycles=40, allowed_bytes=3 * 16 * 65536)
    assert 4 <= len(cycles.samples) <= 6  # what the first one takes is no growth
    assert cycles.requests == 16 * len(cycles.samples) == 16 * len(cycles.seconds)


def test_cycles_of_the_tokenizer_answer_nothing(tmp_path: Path) -> None:
    chats = [Request(messages=(("user", f"question {number}"),)) for number in range(4)]
    with scripted("Crashing", tmp_path) as runtime:
        cycles = runtime.run_tokenizer_cycles(chats, cycles=3)
        assert (cycles.requests, cycles.errors, len(cycles.samples)) == (12, 0, 3)
    with Isolated("tests.runtimes.plants:RaisesAnything", tmp_path) as runtime:
        cycles = runtime.run_tokenizer_cycles(chats, cycles=3)
        assert (cycles.errors, cycles.first_error) == (12, "ZeroDivisionError: render")


def test_the_errors_of_a_million_requests_would_not_look_like_a_leak(tmp_path: Path) -> None:
    with Isolated("tests.runtimes.plants:RaisesAnything", tmp_path) as runtime:
        runtime.run_cycles(PLAN * 100, cycles=2)
        cycles = runtime.run_cycles(PLAN * 100, cycles=4)
    levels = heap_levels(cycles)
    assert (levels[-1] - levels[0]) / (3 * 400) < 16


def test_a_context_is_held_until_the_next_request(tmp_path: Path) -> None:
    with Isolated("tests.runtimes.plants:HoldsContexts", tmp_path) as runtime:
        small, large = (runtime.hold([7] * length, 2) for length in (64, 256))
    for hold, length in ((small, 64), (large, 256)):
        taken = hold.held.private_bytes - hold.released.private_bytes
        assert taken == pytest.approx(length * 65536, rel=0.1)


def test_a_context_that_is_refused_is_a_request_error(tmp_path: Path) -> None:
    with (
        scripted("Scripted", tmp_path) as runtime,
        pytest.raises(RequestError, match="int4: the prompt's 4096 tokens exceed"),
    ):
        runtime.hold([7] * 4096, 2)


def test_errors_in_cycles_are_counted(tmp_path: Path) -> None:
    with scripted("Raising", tmp_path) as runtime:
        cycles = runtime.run_cycles(PLAN, cycles=2)
    assert (cycles.errors, cycles.first_error) == (1, "OSError: the device is gone")


def test_a_reload_stays_in_its_process(tmp_path: Path) -> None:
    with scripted("Scripted", tmp_path) as runtime:
        runtime.start()
        pid = pid_of(runtime)
        reload = runtime.reload()
        assert pid_of(runtime) == pid
        assert reload.load_seconds == runtime.load_seconds > 0
        assert min(reload.before.private_bytes, reload.after.private_bytes) > 0


def test_a_reload_that_fails_is_a_load_error_and_the_next_use_starts_anew(tmp_path: Path) -> None:
    directory = tmp_path / "variant"
    directory.mkdir()
    with scripted("Scripted", directory) as runtime:
        runtime.start()
        directory.rmdir()
        with pytest.raises(LoadError):
            runtime.reload()
        directory.mkdir()
        assert runtime.run(PLAN[:1])[0].finish == Finish.STOP


def test_memory_is_that_of_the_child(tmp_path: Path) -> None:
    with scripted("Scripted", tmp_path) as runtime:
        own, memory = runtime.settled(), runtime.memory()
        assert 0 < memory.private_bytes <= memory.resident_bytes <= memory.peak_bytes
        assert own.private_bytes == pytest.approx(memory.private_bytes, rel=0.1)
        assert memory.heap_bytes is None
        kill(runtime)
        with pytest.raises(CrashError):
            runtime.memory()


def test_a_peak_that_nobody_sees_from_outside_is_told_by_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_peak(pid: int) -> Memory:  # as on macOS
        return replace(read_memory(pid), peak_bytes=None)

    monkeypatch.setattr("harness.runtimes.isolated.read_memory", without_peak)
    with scripted("Scripted", tmp_path) as runtime:
        memory = runtime.memory()
        assert memory.peak_bytes is not None
        assert memory.peak_bytes >= memory.resident_bytes > 0
        assert memory.heap_bytes is None


def test_a_closed_runtime_leaves_no_process_and_may_be_used_again(tmp_path: Path) -> None:
    runtime = scripted("Scripted", tmp_path)
    runtime.run(PLAN)
    pid = pid_of(runtime)
    runtime.close()
    runtime.close()
    assert not psutil.pid_exists(pid)
    with runtime:
        assert len(runtime.run(PLAN)) == 4


def test_a_runtime_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = """
import atexit, threading
from harness.runtimes.scripted import Scripted
class Mine(Scripted):
    def close(self): atexit.register(threading.Event().wait)
"""
    (tmp_path / "endless_of_the_user.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("harness.runtimes.child._GRACE_SECONDS", 0.3)
    with Isolated("endless_of_the_user:Mine", tmp_path) as runtime:
        runtime.start()
        pid = pid_of(runtime)
    assert not psutil.pid_exists(pid)


def test_a_forgotten_runtime_leaves_no_process(tmp_path: Path) -> None:
    runtime = scripted("Scripted", tmp_path)
    runtime.start()
    pid = pid_of(runtime)
    del runtime
    assert not psutil.pid_exists(pid)


def test_an_interrupted_question_gets_no_later_one_s_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Child, deadline_seconds: float) -> object:
        raise KeyboardInterrupt

    with scripted("Scripted", tmp_path) as runtime:
        runtime.start()
        with monkeypatch.context() as patch:
            patch.setattr(Child, "_wait", interrupt)
            with pytest.raises(KeyboardInterrupt):
                runtime.run(PLAN)
        assert runtime.encode(["a"]) == [[97]]


def test_a_worker_ends_with_its_gate_even_when_it_is_stuck(tmp_path: Path) -> None:
    child = Child("harness.runtimes.scripted:Hanging", tmp_path)
    child.ask(Question("start"), 60)
    process = child._process
    assert process.stdin is not None
    write(process.stdin, Question("run", (PLAN,)))
    process.stdin.close()  # as the system does when the gate dies
    assert process.wait(60) == 1
    child.kill()


def test_runtimes_answer_in_threads_side_by_side(tmp_path: Path) -> None:
    with scripted("Scripted", tmp_path) as one, scripted("Scripted", tmp_path) as other:
        threads = [threading.Thread(target=runtime.run, args=(PLAN,)) for runtime in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert pid_of(one) != pid_of(other)


@pytest.mark.parametrize("module", ["base", "isolated", "worker", "scripted", "ort_genai"])
def test_importing_loads_no_engine(module: str) -> None:
    heavy = "{'onnxruntime', 'onnxruntime_genai', 'torch', 'scipy', 'psutil'}"
    check = f"import sys, harness.runtimes.{module}; sys.exit(str({heavy} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert found.stderr.strip() == "set()"


def test_what_the_machine_cannot_do_is_never_the_models_answer(tmp_path):
    runtime = Isolated("tests.runtimes.plants:DiskFull", tmp_path)
    with runtime, pytest.raises(InfrastructureError, match="the disk is full"):
        runtime.run([Request(text="hello")])


def test_whatever_a_foreign_runtime_raises_is_its_refusal(tmp_path):
    with Isolated("tests.runtimes.plants:RaisesAnything", tmp_path, label="int4") as runtime:
        [answer] = runtime.run([Request(text="hello")])
        assert (answer.finish, answer.error) == (Finish.ERROR, "ZeroDivisionError: answer")
        with pytest.raises(RequestError, match="int4: ZeroDivisionError: encode"):
            runtime.encode(["hello"])
        with pytest.raises(RequestError, match="int4: ZeroDivisionError: render"):
            runtime.render([(("user", "hello"),)])


def test_a_mistake_in_the_worker_is_not_blamed_on_the_model(tmp_path):
    runtime = Isolated("harness.runtimes.scripted:Scripted", tmp_path)
    with runtime, pytest.raises(InfrastructureError, match="the worker process failed: TypeError"):
        runtime.run_cycles([Request(text="hello")], "many")


def test_no_child_sends_telemetry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("telling_runtime.py").write_text(TELLS_ENVIRONMENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    with Isolated("telling_runtime:Tells", tmp_path) as runtime:
        [answer] = runtime.run([Request(text="any")])
    assert answer.text == "1"
