import pytest

from harness.base_model import (
    asks_chats,
    chats_among,
    require_no_chats,
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
    [(True, None, True), (False, False, False), (True, False, False), (True, True, True)],
)
def test_a_model_is_asked_in_chats_unless_the_release_says_otherwise(
    source, has_template, stated, expected
):
    assert asks_chats(*source(has_template, stated)) is expected


@pytest.mark.parametrize("stated", [None, True])
def test_a_template_that_is_not_there_may_have_been_forgotten(source, stated):
    with pytest.raises(
        ConfigError, match=r"add chat_template.jinja, or say \[model\] chat = false"
    ):
        asks_chats(*source(False, stated))


def test_without_a_checkpoint_the_reference_needs_its_template(tmp_path):
    with pytest.raises(ConfigError, match=r"or name its checkpoint and say \[model\] chat = false"):
        asks_chats(None, tmp_path)
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert asks_chats(None, tmp_path)


def test_a_bank_of_questions_has_no_chats():
    assert chats_among([QUESTION]) == []
    require_no_chats([QUESTION])


def test_chats_are_one_line_however_many_they_are():
    [problem] = chats_among([QUESTION, *CHATS])
    assert str(problem) == (
        "no plain text: c0, c1, c2, 2 more: 5 of 6 items have several turns or a system message, "
        "and the model is asked as plain text: make each one prompt, or remove [model] chat = false"
    )
    with pytest.raises(ConfigError, match="no plain text: c0: 1 of 2 items"):
        require_no_chats([QUESTION, CHATS[0]])
