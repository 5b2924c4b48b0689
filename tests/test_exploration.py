from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.conversation import BrokenPromiseError, Step
from harness.errors import InfrastructureError
from harness.exploration import Discovery, Effort, explore_chats, explore_texts
from harness.past_failures import PastFailures


def effort(folder: Path, **changes: int) -> Effort:
    past = PastFailures(folder / "past.jsonl")
    return Effort(**{"examples": 60, "seed": 3, "past": past, "steps": 8, **changes})


class Chat:
    """A chat that must not go on once two turns were taken back."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.is_broken = False

    def say(self, text: str) -> None:
        self.steps.append(("say", text))
        if self.is_broken:
            raise BrokenPromiseError("it forgot")

    def cancel(self, text: str, after: int) -> None:
        self.steps.append(("cancel", text, after))

    def overflow(self) -> None:
        self.steps.append(("overflow",))

    def take_back(self, turns: int) -> None:
        self.steps.append(("take_back", turns))
        self.is_broken = self.is_broken or turns == 2


def no_lambda(text: str) -> str:
    return "it has one" if any(ord(char) >= 0x300 for char in text) else ""


def test_nothing_is_found_where_nothing_is_wrong(tmp_path):
    found = explore_texts(lambda text: "", effort(tmp_path))
    assert found == Discovery(60)
    assert found.label == ""


def test_a_text_is_shrunk_to_the_smallest_that_fails(tmp_path):
    found = explore_texts(no_lambda, effort(tmp_path))
    assert found.label == "text '\\u0300' (it has one)"


def test_several_that_explore_at_the_same_time_find_what_each_finds_alone(tmp_path):
    def found(number: int) -> tuple[Discovery, Discovery]:
        folder = tmp_path / f"{number}"  # of its own, or one would begin with what another found
        return explore_texts(no_lambda, effort(folder)), explore_chats(Chat, effort(folder))

    with ThreadPoolExecutor(3) as pool:
        at_once = list(pool.map(found, range(3)))
    assert at_once == [found(3)] * 3


def test_what_failed_once_is_tried_first_by_every_session_to_come(tmp_path):
    explore_texts(no_lambda, effort(tmp_path))
    for _ in range(2):
        seen: list[str] = []
        found = explore_texts(
            lambda text, seen=seen: seen.append(text) or "", effort(tmp_path, seed=9, examples=1)
        )
        assert seen[0] == "\u0300"
        assert found.problem == ""


def test_what_keeps_a_session_from_going_on_is_raised(tmp_path):
    def fail(text: str) -> str:
        raise InfrastructureError("the disk is full")

    with pytest.raises(InfrastructureError, match="the disk is full"):
        explore_texts(fail, effort(tmp_path))


def test_the_same_seed_tries_the_same(tmp_path):
    runs: list[list[str]] = []
    for number, seed in enumerate((1, 1, 2)):
        runs.append([])
        explore_texts(
            lambda text: runs[-1].append(text) or "", effort(tmp_path / str(number), seed=seed)
        )
    assert runs[0] == runs[1] != runs[2]


def test_texts_go_over_all_of_unicode_but_nul(tmp_path):
    seen: list[str] = []
    explore_texts(lambda text: seen.append(text) or "", effort(tmp_path, examples=300))
    typed = "".join(seen)
    assert "\0" not in typed
    assert max(typed) > "\U00010000"
    assert any("\ud800" <= char <= "\udfff" for char in typed)


def test_what_fails_but_once_is_found_too(tmp_path):
    once = iter(["it was odd"])
    found = explore_texts(lambda text: next(once, ""), effort(tmp_path))
    assert found.problem == "it was odd"


def test_shrinking_ends_when_it_costs_too_much(tmp_path):
    tried: list[str] = []

    def dies(text: str) -> str:
        tried.append(text)
        return "the process died of SIGSEGV" if len(text) > 3 else ""

    assert explore_texts(dies, effort(tmp_path)).problem == "the process died of SIGSEGV"
    assert len(tried) < 120


def test_a_hang_is_waited_for_once(tmp_path):
    tried: list[str] = []

    def hangs(text: str) -> str:
        tried.append(text)
        return "no progress within 120 s" if len(text) > 3 else ""

    assert explore_texts(hangs, effort(tmp_path)).problem == "no progress within 120 s"
    assert sum(len(text) > 3 for text in tried) == 1


def test_a_chat_is_shrunk_to_the_fewest_steps_and_tried_first_from_then_on(tmp_path):
    found = explore_chats(Chat, effort(tmp_path))
    assert found.label == "chat: take back 2 turns, say '' (it forgot)"
    again = explore_chats(Chat, effort(tmp_path, seed=77, examples=1))
    assert again.label == found.label
