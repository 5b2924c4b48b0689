"""Plain text in place of chats, here and in a process of its own."""

import json
import shutil

import pytest

from harness.answer import Finish, Request
from harness.errors import RequestError
from harness.runtimes.isolated import Isolated
from harness.runtimes.plain_text import PlainText
from harness.runtimes.scripted import Scripted

SCRIPTED = "harness.runtimes.scripted:Scripted"
QUESTION = (("user", "Once upon"),)
TEXT = [{"Sequence": {"id": "A", "type_id": 0}}]
CHATS = [
    (),
    (("system", "Be brief."), ("user", "Hi")),
    (("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")),
    (("assistant", "Hi"),),
]


@pytest.fixture
def folder(tmp_path):
    config = {"add_bos_token": True, "bos_token": "<s>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    return tmp_path


@pytest.fixture
def runtime(folder):
    found = PlainText(Scripted())
    found.load(folder)
    return found


def test_a_question_is_its_text_after_the_tokenizers_first_token(runtime):
    assert runtime.render(QUESTION) == "<s>Once upon"
    answer = runtime.answer(Request(messages=QUESTION, max_new_tokens=3))
    assert bytes(answer.prompt_ids) == b"<s>Once upon"
    assert len(answer.token_ids) == 3


def test_text_and_token_ids_are_left_as_they_are(runtime):
    assert bytes(runtime.answer(Request(text="a")).prompt_ids) == b"a"
    assert runtime.answer(Request(token_ids=(1, 2))).prompt_ids == (1, 2)
    assert runtime.encode(["a"]) == [[97]]
    assert runtime.decode([[97]]) == ["a"]


@pytest.mark.parametrize("chat", CHATS, ids=["nothing", "system", "turns", "assistant"])
def test_a_chat_is_refused_in_one_line(runtime, chat):
    with pytest.raises(RequestError, match="asked one user's message: found "):
        runtime.render(chat)
    answer = runtime.answer(Request(messages=chat))
    assert answer.finish is Finish.ERROR
    assert "without chats" in answer.error


def test_a_process_is_told_whether_there_are_chats(folder):
    with Isolated(SCRIPTED, folder, is_chat=False) as plain, Isolated(SCRIPTED, folder) as chatting:
        assert plain.render([QUESTION]) == ["<s>Once upon"]
        assert chatting.render([QUESTION]) == ['["user", "Once upon"]\n']
        [one], [other] = (it.run([Request(messages=QUESTION)]) for it in (plain, chatting))
    assert bytes(one.prompt_ids) == b"<s>Once upon"
    assert one.prompt_ids != other.prompt_ids


def test_the_engine_reads_what_the_tokenizer_makes_of_plain_text(embedded, tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="needs the [build] extra")
    folder = shutil.copytree(embedded["int4"], tmp_path / "base")
    path = folder / "tokenizer.json"
    document = json.loads(path.read_text())
    begin = {"id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"]}
    pieces = [{"SpecialToken": {"id": begin["id"], "type_id": 0}}, *TEXT]
    template = {"single": pieces, "pair": TEXT * 2, "special_tokens": {begin["id"]: begin}}
    document["post_processor"] = {"type": "TemplateProcessing", **template}
    path.write_text(json.dumps(document))
    with Isolated("harness.runtimes.ort_genai:OrtGenAI", folder, is_chat=False) as runtime:
        [answer] = runtime.run([Request(messages=QUESTION, max_new_tokens=2)])
    stated = tokenizers.Tokenizer.from_file(str(path)).encode("Once upon").ids
    assert list(answer.prompt_ids) == stated
    assert stated[0] == 0
