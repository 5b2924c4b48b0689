import json
from functools import partial

import pytest

from harness.__main__ import main
from harness.builders.gguf import checkpoint_of
from tests.conftest import ROOT

TRAVEL = ROOT / "fixtures" / "travel"


@pytest.fixture
def check(tmp_path, capsys):
    """Status, lines and errors of the command on these prompts, answered by "x"."""

    def check(*prompts, options=()):
        rows = [
            {"id": f"q{n}", "prompt": prompt, "expected": "x"} for n, prompt in enumerate(prompts)
        ]
        path = tmp_path / "eval.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        status = main(["data", "check", str(path), *map(str, options)])
        said = capsys.readouterr()
        return status, said.out.splitlines(), said.err

    return check


MANY = tuple(f"Question {n}?" for n in range(300))


def test_the_travel_data_is_clean(capsys):
    pytest.importorskip("tokenizers", reason="needs the [data] extra")
    release = str(ROOT / "fixtures" / "travel.toml")
    assert main(["data", "check", str(TRAVEL / "eval.jsonl"), "--release", release]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["eval.jsonl: no problem", "not checked without --train: leaks"]


def test_each_problem_is_a_line_with_the_items_it_is_about(check, tmp_path):
    train = tmp_path / "train.csv"
    train.write_text("prompt,completion\nquestion 7,x\n")
    status, lines, _ = check(*MANY, "Question 3?", options=("--train", train))
    assert status == 1
    assert lines[:2] == [
        "duplicate: q3, q300: the same chat, which counts once: keep one",
        "near leak: q7: trained on but for case, marks, white space or system message "
        "(train.csv line 2)",
    ]
    assert "eval.jsonl: 1 x duplicate, 1 x near leak" in lines


def test_calibration_on_the_bank_is_told(check, tmp_path):
    (tmp_path / "calibration.jsonl").write_text('{"prompt": "question 7", "expected": "x"}')
    release = (ROOT / "fixtures" / "travel.toml").read_text()
    release = release.replace('"policies/gate.toml"', f'"{ROOT}/fixtures/policies/gate.toml"')
    release = release.replace('"travel/model"', f'"{TRAVEL}/model"')
    release = release.replace("[data]", '[data]\ncalibration = "calibration.jsonl"')
    (tmp_path / "release.toml").write_text(release)
    status, lines, _ = check(*MANY, options=("--release", tmp_path / "release.toml"))
    assert status == 1
    assert (
        "near leak: q7: calibrated on but for case, marks, white space or system message "
        "(calibration.jsonl line 1)"
    ) in lines


def test_how_often_a_guess_is_right_is_said_of_each_slice(tmp_path, capsys):
    offered = {"scorer": "choice", "choices": ["x", "y"], "slice": "pairs"}
    rows = [
        {"id": f"q{n}", "prompt": f"Question {n}?", "expected": "x"} | (offered if n % 4 else {})
        for n in range(400)
    ]
    (tmp_path / "eval.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["data", "check", str(tmp_path / "eval.jsonl")]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["slice", "items", "different", "chats", "right", "by", "chance"] in lines
    assert ["pairs", "300", "300", "50", "%"] in lines
    assert ["all", "400", "400", "37.5", "%"] in lines


QUIZ = [
    {
        "id": f"w-{n}",
        "question": f"Which of {n} floats?",
        "choices": {"text": [f"nail {n}", f"cork {n}", "sand", "tin"], "label": [*"ABCD"]},
        "answerKey": "B",
    }
    for n in range(300)
]


def test_a_public_bank_is_checked_as_the_release_asks_it(tmp_path, capsys):
    pytest.importorskip("tokenizers", reason="needs the [data] extra")
    for name, rows in (("quiz", QUIZ[1:]), ("train", QUIZ[:1]), ("tuned", QUIZ[7:8])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    release = (ROOT / "fixtures" / "travel.toml").read_text()
    release = release.replace('"policies/gate.toml"', f'"{ROOT}/fixtures/policies/gate.toml"')
    release = release.replace('"travel/model"', f'"{TRAVEL}/model"')
    release = release.replace(
        'domain = "travel/eval.jsonl"\n',
        'domain = "quiz.jsonl"\nask = "letter"\nshots = 1\nshots_from = "train.jsonl"\n',
    )
    (tmp_path / "release.toml").write_text(release)
    options = ["--release", str(tmp_path / "release.toml")]
    assert main(["data", "check", str(tmp_path / "quiz.jsonl"), *options]) == 0
    assert ["all", "299", "299", "25", "%"] in map(str.split, capsys.readouterr().out.splitlines())
    options += ["--train", str(tmp_path / "tuned.jsonl")]
    assert main(["data", "check", str(tmp_path / "quiz.jsonl"), *options]) == 1
    assert capsys.readouterr().out.startswith("leak: w-7: trained on as it stands (tuned.jsonl")
    assert main(["data", "check", str(tmp_path / "train.jsonl"), *options[:2]]) == 1
    assert "too few items: all: 1 different chats" in capsys.readouterr().out


def base_release(tmp_path, extra="\nchat = false"):
    """A release whose checkpoint has a tokenizer and no chat template."""
    model = tmp_path / "model"
    model.mkdir(exist_ok=True)
    (model / "tokenizer.json").write_bytes((TRAVEL / "model" / "tokenizer.json").read_bytes())
    release = (ROOT / "fixtures" / "travel.toml").read_text()
    release = release.replace('"policies/gate.toml"', f'"{ROOT}/fixtures/policies/gate.toml"')
    release = release.replace('path = "travel/model"', f'path = "model"{extra}')
    path = tmp_path / "release.toml"
    path.write_text(release)
    return path


def test_a_missing_chat_template_is_a_mistake_where_no_base_model_is_stated(check, tmp_path):
    pytest.importorskip("tokenizers", reason="needs the [data] extra")
    status, lines, _ = check(*MANY, options=("--release", base_release(tmp_path)))
    assert status == 0
    assert "note: [model] chat is false: it is asked as plain text" in lines
    status, lines, _ = check(
        *MANY, "Question 3?", options=("--release", base_release(tmp_path, ""))
    )
    assert status == 1
    assert "eval.jsonl: 1 x duplicate, 1 x no chat template" in lines
    assert lines[1].startswith("no chat template: travel-concierge: a model that is asked in chats")


def test_without_a_tokenizer_all_else_is_checked(check, tmp_path):
    release = base_release(tmp_path)
    (tmp_path / "model" / "tokenizer.json").unlink()
    status, lines, _ = check(*MANY, "Question 3?", options=("--release", release))
    assert status == 1
    assert lines[0].startswith("duplicate: q3, q300")
    assert lines[-1] == (
        "not checked for there is no tokenizer.json in the release's folders: answers that the "
        "tokenizer cannot produce"
    )


def test_a_bank_of_chats_for_a_model_without_any_is_a_problem(tmp_path, capsys):
    pytest.importorskip("tokenizers", reason="needs the [data] extra")
    options = ["--release", str(base_release(tmp_path))]
    assert main(["data", "check", str(TRAVEL / "eval.jsonl"), *options]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("no plain text: booking-0002, ")
    assert "of 1,240 items have several turns or a system message" in said[0]
    assert "eval.jsonl: 1 x no plain text" in said


def test_a_template_that_nobody_uses_is_told_too(check, tmp_path):
    pytest.importorskip("tokenizers", reason="needs the [data] extra")
    release = base_release(tmp_path, "\nchat = false")
    (tmp_path / "model" / "chat_template.jinja").write_text("{{ messages }}")
    _, lines, _ = check(*MANY, options=("--release", release))
    assert "note: [model] chat is false: it is asked as plain text" in lines
    _, _, error = check(*MANY, options=("--release", base_release(tmp_path, "\nchat = 1")))
    assert "release.toml [model]: chat: expected true or false, found a whole number 1" in error


@pytest.fixture
def gguf_release(tmp_path, monkeypatch):
    """A release of a GGUF file, which a process that stands in for transformers reads."""
    pytest.importorskip("tokenizers", reason="needs the [data] extra")
    made = partial(checkpoint_of, worker="tests.builders.fake_gguf_worker")
    monkeypatch.setattr("harness.data_command.checkpoint_of", made)
    monkeypatch.setattr("harness.builders.gguf._NEEDED", ())
    (tmp_path / "model.gguf").write_bytes(b"GGUF words")
    release = base_release(tmp_path)
    release.write_text(release.read_text().replace('path = "model"', 'path = "model.gguf"'))
    return release


def test_the_tokenizer_of_a_gguf_is_its_checkpoints_which_is_made_once(
    check, gguf_release, tmp_path
):
    options = ("--release", gguf_release, "--cache", tmp_path / "kept" / "variants")
    status, lines, _ = check(*MANY, options=options)
    kept = tmp_path / "kept" / "checkpoints"
    assert (status, lines[0]) == (0, f"model.gguf: making its checkpoint, which is kept in {kept}")
    assert "note: [model] chat is false: it is asked as plain text" in lines
    status, again, _ = check(*MANY, options=options)
    assert (status, again) == (0, lines[1:])


def test_what_a_gguf_needs_is_told_in_one_line(check, gguf_release, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.builders.gguf._NEEDED", ("no-such-package",))
    options = ("--release", gguf_release, "--cache", tmp_path / "kept" / "variants")
    status, lines, error = check(*MANY, options=options)
    assert (status, lines) == (6, [])
    assert error.startswith("error: a checkpoint is made from a GGUF by packages that are not ")
    assert error.endswith("run pip install -e '.[build,gguf]': missing no-such-package\n")


def test_a_prebuilt_folder_has_a_tokenizer_too(check, gguf_release, tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF refused")
    text = gguf_release.read_text().replace('precision = "int8"', 'prebuilt = "model"')
    gguf_release.write_text(text)
    options = ("--release", gguf_release, "--cache", tmp_path / "kept" / "variants")
    status, lines, _ = check(*MANY, options=options)
    assert status == 0
    assert lines[0] == (
        "note: checked with a prebuilt folder's tokenizer: the tokenizer is another one"
    )


POLICY = """
required = ["accuracy.accuracy"]
[rules."accuracy.loss"]
subject = "accuracy"
metric = "accuracy.correct"
statistic = "gain"
at_least = -3.0
minimum_samples = 500
"""


def test_the_rules_that_need_items_are_the_policys(check, tmp_path):
    policy = tmp_path / "strict.toml"
    policy.write_text(POLICY)
    status, lines, _ = check(*MANY, options=("--policy", policy))
    assert status == 1
    assert lines[0].startswith("too few items: all: 300 different chats are too few")
    assert "500 would do" in lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data", "check", "nowhere.jsonl"], "the domain data nowhere.jsonl cannot be read"),
        (["data", "check"], "the following arguments are required: FILE"),
        (["data"], "the following arguments are required: COMMAND"),
        (["data", "chekc"], "invalid choice"),
    ],
)
def test_a_mistake_of_the_user_is_status_4_and_one_line(arguments, message, capsys):
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = ended.code
    assert status == 4
    assert message in capsys.readouterr().err.splitlines()[-1]
