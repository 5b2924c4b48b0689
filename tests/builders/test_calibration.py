from pathlib import Path

import pytest

from harness.builders.calibration import conversations, plain_text
from harness.errors import ConfigError

ROWS = """{"prompt": "Code of Lisbon?", "expected": "LIS", "id": "1"}

{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
"""


def test_the_answer_ends_a_conversation_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(ROWS)
    first, second = conversations(tmp_path / "train.jsonl")

    assert [turn["content"] for turn in first] == ["Code of Lisbon?", "LIS"]
    assert [turn["role"] for turn in second] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "found none in train.jsonl"),
        ('{"prompt": "Hi"}', "line 1 must be a conversation with its answer"),
        ('{"expected": "Hi"}', "line 1 must be a conversation"),
        ('{"messages": ["Hi"], "expected": "Hi"}', "line 1 must be a conversation"),
        ('{"messages": null}', "line 1 must be a conversation"),
    ],
)
def test_what_is_no_conversation_is_refused_in_one_line(
    text: str, line: str, tmp_path: Path
) -> None:
    (tmp_path / "train.jsonl").write_text(text)
    with pytest.raises(ConfigError, match=line):
        conversations(tmp_path / "train.jsonl")


def test_a_base_model_reads_a_question_and_its_answer_in_one_go() -> None:
    turns = [{"role": "user", "content": "Lisbon is"}, {"role": "assistant", "content": " LIS"}]
    assert plain_text(turns, "<s>") == "<s>Lisbon is LIS"
    with pytest.raises(ConfigError, match=r"found system \+ user \+ assistant"):
        plain_text([{"role": "system", "content": "Be brief."}, *turns], "")
