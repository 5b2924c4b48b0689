import json
from contextlib import contextmanager

import pytest

from harness.answer import Request
from harness.conversation import BrokenPromiseError, Conversation, again, told
from harness.ordeal import Ordeal
from harness.probes.tokenizer import Tokenizer
from harness.runtimes.isolated import Isolated
from harness.runtimes.scripted import CONTEXT_TOKENS

NO_STEPS = [["format_the_disk"], ["say"], ["say", 5], ["cancel", "a", 0], ["take_back", "a"], [], 5]


@contextmanager
def conversation(directory, runtime="harness.runtimes.scripted:Scripted"):
    with Isolated(runtime, directory, patience=60.0) as process:
        ordeal = Ordeal(process, Request(text="Rome?", fresh=False), Tokenizer({}))
        yield Conversation(ordeal, CONTEXT_TOKENS)


def test_a_chat_of_every_step_with_a_sound_runtime(tmp_path):
    with conversation(tmp_path) as chat:
        chat.say("a")
        chat.cancel("b", 2)
        chat.overflow()
        chat.say("\ud83d")
        chat.take_back(5)
        chat.say("c")
    assert told(chat.steps) == (
        "say 'a', say 'b' and cancel after 2 tokens, ask for too much, say '\\ud83d', "
        "take back 5 turns, say 'c'"
    )
    with conversation(tmp_path) as other:
        again(other, json.loads(json.dumps([*chat.steps, *NO_STEPS])))
    assert other.steps == chat.steps


def test_only_what_was_answered_becomes_part_of_the_chat(tmp_path):
    with conversation(tmp_path) as chat:
        chat.say("a")
        chat.cancel("b", 1)
        chat.say("\ud83d")
        assert [role for role, _ in chat._messages] == ["user", "assistant"]
        chat.take_back(1)
        assert chat._messages == ()


def test_a_runtime_that_forgets_what_it_kept_is_found(tmp_path):
    with conversation(tmp_path, "tests.odd_runtimes:ForgetsThePast") as chat:
        chat.say("a")
        with pytest.raises(BrokenPromiseError, match=r"going on it said '.*', computed anew '"):
            chat.say("b")


def test_a_process_that_dies_in_a_chat_is_a_broken_promise(tmp_path):
    with conversation(tmp_path, "tests.odd_runtimes:DiesOfZ") as chat:
        with pytest.raises(BrokenPromiseError, match="died of SIGSEGV"):
            chat.say("Z")
        chat.say("a")
