import json

import pytest

from harness.probes.first_token import read_first_token

BEGIN = {"SpecialToken": {"id": "<s>", "type_id": 0}}
TEXT = {"Sequence": {"id": "A", "type_id": 0}}
END = {"SpecialToken": {"id": "</s>", "type_id": 0}}
TEMPLATE = {"type": "TemplateProcessing", "single": [BEGIN, TEXT, END]}


@pytest.mark.parametrize(
    ("processor", "found"),
    [
        (None, ""),
        (TEMPLATE, "<s>"),
        (TEMPLATE | {"single": [TEXT, END]}, ""),
        ({"type": "Sequence", "processors": [{"type": "ByteLevel"}, TEMPLATE]}, "<s>"),
        ({"type": "ByteLevel"}, ""),
    ],
)
@pytest.mark.parametrize("adds", [True, False])
def test_it_is_what_the_tokenizers_file_puts_before_plain_text(tmp_path, processor, found, adds):
    config = {"add_bos_token": adds, "bos_token": "<bos>"}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"post_processor": processor}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert read_first_token(tmp_path) == found


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"add_bos_token": True, "bos_token": {"content": "<bos>"}}, "<bos>"),
        ({"add_bos_token": True, "bos_token": None}, ""),
        ({"add_bos_token": False, "bos_token": "<bos>"}, ""),
        ({"bos_token": "<bos>"}, ""),
    ],
)
def test_without_that_file_the_configuration_says_it(tmp_path, config, found):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert read_first_token(tmp_path) == found


def test_no_files_say_nothing(tmp_path):
    assert read_first_token(tmp_path) == ""
