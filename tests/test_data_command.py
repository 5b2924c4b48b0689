import json

import pytest

from harness.__main__ import main
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
