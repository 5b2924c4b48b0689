import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.answer import Request
from harness.errors import BuildError, ConfigError, CrashError, InfrastructureError, ModelError
from harness.fleet import Fleet
from harness.release import Precision, Role
from harness.runtimes.scripted import Scripted
from harness.variant import Recipe, Variant

HELLO = Request(text="hello", max_new_tokens=4)


class Registered(Scripted):
    """Leaves a file for each process that loaded it."""

    def load(self, directory):
        super().load(directory)
        (directory / str(os.getpid())).touch()


def fleet(tmp_path: Path, factory="harness.runtimes.scripted:Scripted", **problems) -> Fleet:
    built = {
        name: Variant(Recipe(name, Role.CANDIDATE, Precision.INT4), tmp_path, {}, "sha256:0")
        for name in ("a", "b")
    }
    return Fleet({**built, **problems}, factory, deadline_seconds=60.0)


def test_each_variant_answers_from_a_process_of_its_own(tmp_path):
    with fleet(tmp_path) as running:
        assert running.ask("a", [HELLO])[0].text == running.ask("b", [HELLO])[0].text
        assert running.encode("a", ["x"]) == running.encode("b", ["x"])


def test_what_was_not_built_raises_its_reason_at_every_use(tmp_path):
    with fleet(tmp_path, c=BuildError("no torch")) as running:
        for _ in range(2):
            with pytest.raises(BuildError, match="no torch"):
                running.ask("c", [HELLO])


def test_what_stands_beside_the_release_is_made_once_and_so_is_its_failure(tmp_path):
    tries = []

    def make():
        tries.append("good")
        return Variant(Recipe("beside", Role.CANDIDATE, Precision.INT4), tmp_path, {}, "sha256:0")

    def fail():
        tries.append("bad")
        raise BuildError("no disk")

    with fleet(tmp_path) as running:
        for _ in range(2):
            assert running.add("beside", make) == "beside"
            with pytest.raises(BuildError, match="no disk"):
                running.add("broken", fail)
        assert running.ask("beside", [HELLO])[0].text
        with pytest.raises(ValueError, match="a is a variant of the release already"):
            running.add("a", make)
    assert tries == ["good", "bad"]


def test_a_crash_is_blamed_on_the_variant_and_the_others_go_on(tmp_path):
    with fleet(tmp_path, "harness.runtimes.scripted:Crashing") as running:
        for name in ("a", "b"):
            with pytest.raises(CrashError, match="SIGSEGV") as raised:
                running.ask(name, [HELLO] * 50)
            assert raised.value.variant == name


def test_what_is_wrong_with_the_factory_is_nobodys_fault(tmp_path):
    with fleet(tmp_path, "harness.nowhere:Nothing") as running:
        with pytest.raises(ConfigError) as raised:
            running.ask("a", [HELLO])
        assert not isinstance(raised.value, ModelError)


def test_a_fresh_process_does_not_replace_the_running_one(tmp_path):
    with fleet(tmp_path) as running:
        before = running.ask("a", [HELLO])
        with running.fresh("a") as other:
            assert other.run([HELLO])[0].text == before[0].text
        assert running.ask("a", [HELLO])[0].text == before[0].text


class Slow(Scripted):
    """Leaves a file when it is asked, and never answers."""

    def answer(self, request: Request):
        (self.directory / "asked").touch()
        time.sleep(60)

    def load(self, directory):
        super().load(directory)
        self.directory = directory


def test_who_waits_when_the_user_interrupts_learns_of_no_crash_and_starts_nothing(tmp_path):
    def wait(runtime):
        with pytest.raises(InfrastructureError, match="the user interrupted"):
            runtime.run([HELLO])

    with fleet(tmp_path, f"{__name__}:Slow") as running, running.fresh("a") as fresh:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(wait, fresh)
            while not (tmp_path / "asked").exists():
                time.sleep(0.01)
            running.interrupt()
            waiting.result(30)
        wait(fresh)
        with running.fresh("b") as another:
            wait(another)


def test_a_very_long_prompt_has_more_time(tmp_path, monkeypatch):
    given = []

    def ask(self, question, deadline_seconds=None):
        given.append(deadline_seconds)
        return []

    monkeypatch.setattr("harness.runtimes.isolated.Isolated._ask", ask)
    long = Request(token_ids=(1,) * 8192)
    with fleet(tmp_path) as running:
        running.ask("a", [HELLO])
        running.ask("a", [HELLO, long])
        with running.fresh("b") as other:
            other.run([HELLO])
            other.run([long])
            other.run_cycles([HELLO, long], 2)
            other.hold(long.token_ids, 4)
    assert given == [60.0, 120.0, 60.0, 120.0, 120.0, 120.0]


def test_variants_start_together_and_once(tmp_path):
    with fleet(tmp_path, f"{__name__}:Registered") as running:
        running.start("a", "b")
        assert len(list(tmp_path.iterdir())) == 2
        running.start("b", "a")
        running.ask("a", [HELLO])
        assert len(list(tmp_path.iterdir())) == 2


def test_who_cannot_be_started_is_blamed(tmp_path):
    factory = "harness.runtimes.scripted:CrashingOnLoad"
    with fleet(tmp_path, factory, c=BuildError("no torch")) as running:
        with pytest.raises(CrashError) as raised:
            running.start("b")
        assert raised.value.variant == "b"
        with pytest.raises(BuildError, match="no torch"):
            running.start("c")


def test_a_shared_plan_is_answered_by_copies_and_heard_like_any_other(tmp_path, monkeypatch):
    heard = []
    variant = Variant(Recipe("a", Role.CANDIDATE, Precision.INT4), tmp_path, {}, "sha256:0")
    plan = [Request(text=f"number {number}", max_new_tokens=4) for number in range(50)]
    monkeypatch.setattr("harness.fleet.worthwhile", lambda *given: 2)
    factory = "harness.runtimes.scripted:Scripted"
    with Fleet({"a": variant}, factory, 60.0, lambda *told: heard.append(told)) as running:
        shared = running.ask_shared("a", plan)
        again = running.ask_shared("a", plan)
        running.end_copies("a")
        alone = running.ask("a", plan)
    assert [it.prompt_ids for it in shared] == [it.prompt_ids for it in alone]
    assert [it.prompt_ids for it in again] == [it.prompt_ids for it in alone]
    assert sum(len(answers) for _, _, answers in heard) == 3 * len(plan)
    assert {name for name, _, _ in heard} == {"a"}


def test_a_crash_within_a_shared_plan_is_blamed_on_the_variant(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.fleet.worthwhile", lambda *given: 2)
    with fleet(tmp_path, "harness.runtimes.scripted:Crashing") as running:
        with pytest.raises(CrashError, match="SIGSEGV") as raised:
            running.ask_shared("a", [HELLO] * 200)
        assert raised.value.variant == "a"


def test_who_listens_hears_every_answer_of_the_releases_runtime_and_no_other(tmp_path):
    heard = []

    def hear(name, plan, answers):
        heard.append((name, [asked.max_new_tokens for asked in plan], len(answers)))

    factory = "harness.runtimes.scripted:Scripted"
    variant = Variant(Recipe("a", Role.CANDIDATE, Precision.INT4), tmp_path, {}, "sha256:0")
    with Fleet({"a": variant}, factory, 60.0, hear) as running:
        running.ask("a", [HELLO])
        with running.fresh("a") as runtime:
            runtime.run([HELLO, HELLO])
        with running.fresh("a", "harness.runtimes.scripted:Slow") as runtime:
            runtime.run([HELLO])
    assert heard == [("a", [4], 1), ("a", [4, 4], 2)]


def test_what_is_no_variant_of_the_release_answers_under_a_name_of_its_own(tmp_path):
    beside = Variant(Recipe("beside", Role.CANDIDATE, Precision.INT4), tmp_path, {}, "sha256:1")
    with fleet(tmp_path) as running:
        with pytest.raises(KeyError):
            running.variant("beside")
        assert running.add("beside", lambda: beside) == "beside"
        assert running.ask("beside", [HELLO])
        assert running.variant("beside") is beside
        with pytest.raises(ValueError, match="a is a variant of the release already"):
            running.add("a", lambda: beside)
