import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.answer import Finish, Request
from harness.errors import InfrastructureError, LoadError, RequestError
from harness.runtimes.transformers import Transformers

CHECKPOINT = Path(__file__).parents[2] / "fixtures" / "travel" / "model"
CHAT = (("user", "What is the airport code for Geneva?"),)


@pytest.fixture(scope="module")
def source():
    pytest.importorskip("transformers")
    runtime = Transformers()
    runtime.load(CHECKPOINT)
    yield runtime
    runtime.close()


def edited(folder, name, **changes):
    copy = Path(shutil.copytree(CHECKPOINT, folder / "model"))
    document = json.loads((copy / name).read_text())
    (copy / name).write_text(json.dumps({**document, **changes}))
    return copy


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_is_this_machines_trouble_and_says_what_to_install(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InfrastructureError, match=r"install them with pip install .*\[build\]"):
        Transformers()


def test_half_precision_files_are_computed_with_in_full(source):
    assert {str(it.dtype) for it in source._model.parameters()} == {"torch.float32"}


def test_an_answer_is_what_scoring_it_would_choose(source):
    answer = source.answer(Request(messages=CHAT))
    assert answer.finish == Finish.STOP
    assert answer.text
    tokens = answer.prompt_ids + answer.token_ids
    scored = source.answer(Request(token_ids=tokens, score_from=len(answer.prompt_ids)))
    assert scored.logits.argmax(axis=1).tolist() == list(answer.token_ids)
    assert np.isfinite(scored.logits).all()


def test_the_checkpoints_end_tokens_end_an_answer(tmp_path, source):
    first, *_ = source.answer(Request(messages=CHAT)).token_ids
    other = Transformers()
    other.load(edited(tmp_path, "generation_config.json", eos_token_id=[7, first]))
    answer = other.answer(Request(messages=CHAT))
    assert (answer.finish, answer.token_ids) == (Finish.STOP, ())


def test_a_context_is_held_when_it_is_asked_for(source):
    source.answer(Request(text="A hotel in Rome", max_new_tokens=3, stop_at_end=False, hold=True))
    assert source._held is not None
    source.answer(Request(text="A hotel in Rome", max_new_tokens=1))
    assert source._held is None


def test_nothing_is_put_before_or_after_a_text(source):
    text = "<|im_start|>user\nCafe\u0301<|im_end|>"
    [ids] = source.encode([text])
    assert (ids[0], ids[-1]) == (1, 2)
    assert ids == source.encode(["<|im_start|>user\nCaf\u00e9<|im_end|>"])[0]


def test_a_template_that_refuses_a_chat_refuses_the_request(tmp_path):
    copy = edited(tmp_path, "config.json")
    (copy / "chat_template.jinja").write_text("{{ raise_exception('no such role') }}")
    runtime = Transformers()
    runtime.load(copy)
    with pytest.raises(RequestError, match="no such role"):
        runtime.render(CHAT)
    answer = runtime.answer(Request(messages=CHAT))
    assert (answer.finish, answer.token_ids) == (Finish.ERROR, ())


def test_an_unknown_architecture_is_a_load_error(tmp_path):
    with pytest.raises(LoadError, match="from_nowhere"):
        Transformers().load(edited(tmp_path, "config.json", model_type="from_nowhere"))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."
            " Error code 12 (Cannot allocate memory)"
        ),
    ],
)
def test_a_machine_without_memory_for_a_checkpoint_is_to_blame_for_it(monkeypatch, error):
    def refuse(*_, **__):
        raise error

    runtime = Transformers()
    monkeypatch.setattr(runtime._transformers.AutoModelForCausalLM, "from_pretrained", refuse)
    with pytest.raises(InfrastructureError, match="no memory to load"):
        runtime.load(CHECKPOINT)
