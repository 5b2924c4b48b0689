from pathlib import Path

import pytest

from harness.base_model import (
    asks_chats,
    chats_among,
    remark,
    require_no_chats,
    require_no_templates,
)
from harness.errors import ConfigError
from harness.item import Item
from harness.release import ModelSource

QUESTION = Item("q", (("user", "Once upon"),), "x")
CHATS = tuple(Item(f"c{n}", (("system", "a"), ("user", f"b{n}")), "x") for n in range(5))


@pytest.fixture
def source(tmp_path):
    """A checkpoint of the release, with a template or without, and what the release says of it."""

    def source(has_template, chat=None):
        if has_template:
            (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
        return ModelSource(tmp_path, chat=chat), tmp_path

    return source


@pytest.mark.parametrize(
    ("has_template", "stated", "expected"),
    [(True, None, True), (False, None, False), (True, False, False), (True, True, True)],
)
def test_a_model_has_chats_where_it_has_a_template_that_is_used(
    source, has_template, stated, expected
):
    assert asks_chats(*source(has_template, stated)) is expected


def test_without_a_checkpoint_the_reference_tells(tmp_path):
    assert not asks_chats(None, tmp_path)


def test_chats_without_a_template_are_a_mistake(source):
    with pytest.raises(ConfigError, match="chat is true, so there must be a chat template"):
        asks_chats(*source(False, True))


@pytest.mark.parametrize(
    ("model", "whose"),
    [(None, "the reference has no"), (ModelSource(Path("m")), "the checkpoint has no")],
)
def test_a_template_that_some_have_may_have_been_forgotten(tmp_path, model, whose):
    for name in ("fp32", "int4"):
        (tmp_path / name).mkdir()
    folders = {name: tmp_path / name for name in ("fp32", "int4")}
    require_no_templates(model, folders)
    (tmp_path / "int4" / "chat_template.jinja").write_text("{{ messages }}")
    with pytest.raises(ConfigError, match=f"{whose} chat template.*: found one in int4$"):
        require_no_templates(model, folders)
    require_no_templates(ModelSource(Path("m"), chat=False), folders)


def test_the_reader_is_told_why(tmp_path):
    assert remark(ModelSource(tmp_path)) == (
        "the model has no chat template: it is asked as plain text"
    )
    assert remark(ModelSource(tmp_path, chat=False)).startswith("[model] chat is false: ")
    assert remark(None).startswith("the model has no chat template")


def test_a_bank_of_questions_has_no_chats():
    assert chats_among([QUESTION]) == []
    require_no_chats([QUESTION])


def test_chats_are_one_line_however_many_they_are():
    [problem] = chats_among([QUESTION, *CHATS])
    assert str(problem) == (
        "no plain text: c0, c1, c2, 2 more: 5 of 6 items have several turns or a system message, "
        "and the model is asked as plain text: make each one prompt, or give the model its chat "
        "template"
    )
    with pytest.raises(ConfigError, match="no plain text: c0: 1 of 2 items"):
        require_no_chats([QUESTION, CHATS[0]])
