"""Foundry Local as a runtime: the engine's own answers, its refusals, and what it leaves behind."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.answer import Finish, Request, Sampling
from harness.domain import read_items
from harness.errors import InfrastructureError, LoadError, RequestError
from harness.release import FOUNDRY_LOCAL, ONNXRUNTIME_GENAI, Data
from harness.runtimes.foundry import UNNAMED, FoundryLocal, registered_name
from harness.runtimes.isolated import Isolated

EVAL = Path(__file__).parents[2] / "fixtures/travel/eval.jsonl"
CHATS = (
    (("user", "Hello"),),
    (("system", "You are a travel concierge."), ("user", "What is the price of the room?")),
    (("user", "Où est la gare ?"), ("assistant", "Là-bas."), ("user", "Merci 🚆")),
)


@pytest.fixture(scope="module")
def foundry(embedded):
    with Isolated(FOUNDRY_LOCAL, embedded["int4"]) as runtime:
        yield runtime


@pytest.fixture(scope="module")
def reference(embedded):
    with Isolated(ONNXRUNTIME_GENAI, embedded["int4"]) as runtime:
        yield runtime


@pytest.fixture
def copy(embedded, tmp_path):
    return Path(shutil.copytree(embedded["int4"], tmp_path / "copy"))


def load_and_ask(directory):
    runtime = FoundryLocal()
    try:
        runtime.load(directory)
        return runtime.answer(Request(messages=CHATS[0], max_new_tokens=8))
    finally:
        runtime.close()


def test_answers_are_those_of_onnxruntime_genai(foundry, reference):
    plan = [Request(messages=chat, max_new_tokens=24) for chat in CHATS]
    expected = reference.run(plan)
    answers = foundry.run(plan)
    assert [it.text for it in answers] == [it.text for it in expected]
    assert [it.prompt_tokens for it in answers] == [len(it.prompt_ids) for it in expected]


def test_the_same_chat_has_the_same_answer_every_time(foundry):
    answers = foundry.run([Request(messages=CHATS[1], max_new_tokens=16)] * 4)
    assert len({it.text for it in answers}) == 1


def test_every_chunk_of_the_stream_has_its_time(foundry):
    (answer,) = foundry.run([Request(messages=CHATS[0], max_new_tokens=8)])
    times = [answer.started_ns, *answer.token_ns.tolist(), answer.ended_ns]
    assert len(times) > 2
    assert times == sorted(times)


def test_prompts_of_all_domain_items_have_the_tokenizers_length(foundry, reference):
    chats = [item.messages for item in read_items(Data(EVAL))]
    expected = [len(ids) for ids in reference.encode(reference.render(chats))]
    answers = foundry.run([Request(messages=chat, max_new_tokens=1) for chat in chats])
    assert [it.prompt_tokens for it in answers] == expected


@pytest.mark.parametrize(
    "request_",
    [
        Request(text="plain"),
        Request(token_ids=(1, 2)),
        Request(messages=CHATS[0], score_from=1),
        Request(messages=CHATS[0], continuations=((1,),)),
        Request(messages=CHATS[0], stop_at_end=False),
    ],
    ids=["text", "ids", "score", "continuations", "fixed length"],
)
def test_what_is_not_a_plain_chat_is_an_error_answer(foundry, request_):
    (answer,) = foundry.run([request_])
    assert answer.finish == Finish.ERROR
    assert answer.error.startswith("Foundry Local answers chats that stop at the end token")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ((("user", "word " * 20_000),), "exceeds the model's maximum context length"),
        ((("user", ""),), "nothing to generate from"),
        ((("captain", "Hello"),), "knows no role 'captain'"),
    ],
    ids=["too long", "empty", "unknown role"],
)
def test_a_refused_chat_is_an_error_answer_of_one_line(foundry, messages, reason):
    (answer,) = foundry.run([Request(messages=messages, max_new_tokens=1)])
    assert answer.finish == Finish.ERROR
    assert reason in answer.error
    assert "\n" not in answer.error
    assert ".cc:" not in answer.error


@pytest.mark.parametrize(
    "request_",
    [
        Request(messages=CHATS[0], fresh=False, keep_prefix=True),
        Request(messages=CHATS[0], watch=True),
        Request(messages=CHATS[0], sampling=Sampling(repetition_penalty=2.0)),
    ],
    ids=["prefix", "watch", "repetition penalty"],
)
def test_what_it_cannot_do_is_said_and_not_ignored(foundry, request_):
    (answer,) = foundry.run([request_])
    assert answer.finish == Finish.ERROR
    assert answer.error.startswith("Foundry Local ")


def test_a_cancelled_answer_is_the_beginning_of_the_whole_and_leaves_nothing(foundry):
    whole = Request(messages=CHATS[1], max_new_tokens=16)
    before, cancelled, after = foundry.run([whole, replace(whole, cancel_after=1), whole])
    assert cancelled.finish == Finish.CANCELLED
    assert len(cancelled.token_ns) == 1
    assert before.text.startswith(cancelled.text)
    assert after.text == before.text


def test_sampling_follows_its_seed(foundry):
    wild = [Sampling(temperature=1.9, seed=seed) for seed in (1, 1)]
    answers = foundry.run(
        [Request(messages=CHATS[1], max_new_tokens=8, sampling=it) for it in wild]
    )
    assert answers[0].finish != Finish.ERROR
    assert answers[0].text == answers[1].text


def test_encoding_and_rendering_are_refused(foundry):
    with pytest.raises(RequestError, match="encodes no text by itself"):
        foundry.encode(["text"])
    with pytest.raises(RequestError, match="decodes no tokens"):
        foundry.decode([[1]])
    with pytest.raises(RequestError, match="shows no rendered prompt"):
        foundry.render([CHATS[0]])


def test_missing_weights_do_not_load_and_leave_nothing(copy, tmp_path, monkeypatch):
    (copy / "model.onnx.data").unlink()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(LoadError, match="Foundry Local does not load the package: ") as refused:
        FoundryLocal().load(copy)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == [copy]


def test_cut_weights_do_not_load(copy):
    os.truncate(copy / "model.onnx.data", 1000)
    with pytest.raises(LoadError, match="Foundry Local does not load the package: "):
        load_and_ask(copy)


def test_a_folder_without_genai_config_does_not_load(copy):
    (copy / "genai_config.json").unlink()
    with pytest.raises(LoadError, match=r"must contain a regular genai_config\.json"):
        load_and_ask(copy)


def test_a_template_method_that_the_engine_lacks_shows_at_the_first_chat(copy):
    template = copy / "chat_template.jinja"
    text = template.read_text(encoding="utf-8")
    template.write_text(text + "{{ messages[0]['content'].swapcase() }}", encoding="utf-8")
    answer = load_and_ask(copy)
    assert answer.finish == Finish.ERROR
    assert "Unknown method: swapcase" in answer.error


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('{"Name": "a-generic-cpu:3"}', "a-generic-cpu:3"),
        ('{"Name": "a-generic-cpu"}', "a-generic-cpu:0"),
    ],
)
def test_the_folder_is_registered_under_its_manifests_name(tmp_path, content, name):
    (tmp_path / "inference_model.json").write_text(content)
    assert registered_name(tmp_path) == name


def test_a_folder_without_manifest_is_registered_under_a_neutral_name(tmp_path):
    assert registered_name(tmp_path) == UNNAMED


@pytest.mark.parametrize("content", ["", '{"Name": ', "[]", '{"name": "a:1"}', '{"Name": 3}'])
def test_a_manifest_without_a_name_does_not_load(tmp_path, content):
    (tmp_path / "inference_model.json").write_text(content)
    with pytest.raises(LoadError, match='"Name"'):
        registered_name(tmp_path)


@pytest.mark.parametrize("name", ["a:01", "a:1.0", "-a:1", "a b:1", "a:1:2"])
def test_a_name_that_foundry_local_refuses_does_not_load(copy, name):
    (copy / "inference_model.json").write_text(json.dumps({"Name": name}))
    with pytest.raises(LoadError, match="Foundry Local does not load the package: model_id"):
        load_and_ask(copy)


def test_closing_removes_the_cache_and_lets_the_runtime_load_again(embedded, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runtime = FoundryLocal()
    for _ in range(2):
        runtime.load(embedded["int4"])
        assert runtime.model_id == UNNAMED
        assert len(list(tmp_path.iterdir())) == 1
        runtime.close()
        runtime.close()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("before", [None, "false"])
def test_upload_is_off_while_the_manager_starts_and_the_environment_stays(
    tmp_path, monkeypatch, before
):
    seen = []

    def start(configuration):
        seen.append((os.environ["CI"], configuration.disable_nonessential_telemetry))
        raise OSError("no space\nleft")

    monkeypatch.delenv("CI", raising=False)
    if before is not None:
        monkeypatch.setenv("CI", before)
    monkeypatch.setattr("foundry_local_sdk.FoundryLocalManager", start)
    with pytest.raises(InfrastructureError, match=r"^Foundry Local does not start: no space$"):
        load_and_ask(tmp_path)
    assert seen == [("true", True)]
    assert os.environ.get("CI") == before
