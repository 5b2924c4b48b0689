"""Sessions on a base model: the embedded one without its chat template, asked as plain text."""

import json
import shutil
from dataclasses import replace

import pytest

from tests.conftest import ROOT

TRAVEL = ROOT / "fixtures" / "travel"
ABOUT = ("packaging", "accuracy", "foundry")
SUITES = " ".join(f"suites/test_{suite}.py" for suite in ABOUT)


@pytest.fixture
def base(gate):
    """A release of a model whose prompts hold what was its template, so that it knows answers."""
    source = without_template(TRAVEL / "model", gate.folder / "source")
    variants = {
        name: without_template(gate.variants[name], gate.folder / "base" / name)
        for name in ("fp32", "int4")
    }
    data = gate.folder / "plain.jsonl"
    data.write_text("\n".join(json.dumps(row) for row in plain_rows()))
    model = f'[model]\npath = "{source.as_posix()}"\nchat = false\n'
    return replace(gate, variants=variants, model=model, data=data, about=ABOUT)


def without_template(folder, place):
    shutil.copytree(folder, place)
    (place / "chat_template.jinja").unlink()
    return place


def plain_rows():
    """The travel items that are one question, each as one text."""
    for line in (TRAVEL / "eval.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        [*before, last] = row.pop("messages")
        if not before:
            said = f"<|im_start|>user\n{last['content']}<|im_end|>\n<|im_start|>assistant\n"
            yield row | {"prompt": said}


def test_a_base_model_is_go_by_what_is_asked_as_plain_text_and_goes_nowhere(base):
    ended = base.run(suites=SUITES, has_source=True)
    assert ended.status == 0, ended.output
    assert ended.report["verdict"] == "GO"
    assert ended.packages == []
    lines = ended.output.splitlines()
    assert "note: [model] chat is false: it is asked as plain text" in lines
    [refused] = [line for line in lines if line.startswith("not published int4: ")]
    assert "Foundry Local answers chats, and the model has none" in refused
    [left_out] = [line for line in lines if line.startswith("not applicable, ")]
    for rule in ("packaging.chats", "packaging.template_problems", "foundry.same_answers"):
        assert f" {rule}" in left_out
    assert "accuracy" not in left_out
    evidence = json.loads((base.folder / "reports" / "latest" / "evidence.json").read_text())
    assert evidence["is_chat"] is False


def test_a_chat_template_that_was_forgotten_is_one_line_before_anything_is_measured(base):
    model = base.model.replace("chat = false\n", "")
    ended = replace(base, model=model).run(suites=SUITES, has_source=True)
    assert ended.status == 4, ended.output
    [error] = [line for line in ended.output.splitlines() if line.startswith("ERROR: ")]
    assert "add chat_template.jinja, or say [model] chat = false if it is a base model" in error


def test_a_bank_of_chats_is_one_line_before_anything_is_measured(base):
    ended = replace(base, data=TRAVEL / "eval.jsonl").run(suites=SUITES, has_source=True)
    assert ended.status == 4, ended.output
    [error] = [line for line in ended.output.splitlines() if line.startswith("ERROR: ")]
    assert error.startswith("ERROR: no plain text: ")
    assert ended.report == {}
