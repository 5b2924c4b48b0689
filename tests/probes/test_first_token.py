import json

import pytest

from harness.probes.first_token import read_first_token

BEGIN = {"SpecialToken": {"id": "<s>", "type_id": 0}}
TEXT = {"Sequence": {"id": "A", "type_id": 0}}
END = {"SpecialToken": {"id": "</s>", "type_id": 0}}
TEMPLATE = {"type": "TemplateProcessing", "single": [BEGIN, TEXT, END]}


@pytest.mark.parametrize(
    ("processor", "config", "found"),
    [
        (None, {}, ""),
        (TEMPLATE, {}, "<s>"),
        (TEMPLATE | {"single": [TEXT, END]}, {}, ""),
        ({"type": "Sequence", "processors": [{"type": "ByteLevel"}, TEMPLATE]}, {}, "<s>"),
        ({"type": "ByteLevel"}, {}, ""),
        (TEMPLATE, {"add_bos_token": False, "bos_token": "<s>"}, ""),
        (None, {"add_bos_token": True, "bos_token": {"content": "<bos>"}}, "<bos>"),
        (None, {"add_bos_token": True, "bos_token": None}, ""),
        (TEMPLATE, {"add_bos_token": None}, "<s>"),
    ],
)
def test_it_is_what_the_tokenizer_puts_before_plain_text(tmp_path, processor, config, found):
    (tmp_path / "tokenizer.json").write_text(json.dumps({"post_processor": processor}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert read_first_token(tmp_path) == found


def test_no_files_say_nothing(tmp_path):
    assert read_first_token(tmp_path) == ""
