import json

import pytest

from harness.probes.chat_template import has_chat_template, read_templates


@pytest.mark.parametrize(
    ("config", "file", "found"),
    [
        ({}, None, ("", "")),
        ({"chat_template": "a"}, None, ("a", "")),
        ({"chat_template": [{"name": "default", "template": "b"}]}, "c", ("b", "c")),
        ({"chat_template": [{"name": "tool_use", "template": "b"}]}, None, ("", "")),
        (None, " \n", ("", " \n")),
        ([], None, ("", "")),
    ],
    ids=["none", "inline", "both", "another name", "a blank file", "no object"],
)
def test_a_template_is_read_wherever_it_stands(tmp_path, config, file, found):
    if config is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    if file is not None:
        (tmp_path / "chat_template.jinja").write_text(file)
    assert read_templates(tmp_path) == found
    assert has_chat_template(tmp_path) is any(text.strip() for text in found)


def test_what_cannot_be_read_is_no_template(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text("{")
    assert not has_chat_template(tmp_path)
