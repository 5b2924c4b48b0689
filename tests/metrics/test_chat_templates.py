from harness.metrics.chat_templates import compare_renderings, named_template

NAMES = ("one", "two")


def compare(mine, theirs):
    return compare_renderings(mine, theirs, "the source's", NAMES).differences


def test_prompts_that_are_the_same_are_no_difference():
    assert compare(["a", "b"], ["a", "b"]) == ()
    assert compare(["a", "refused: no"], ["a", "refused: never"]) == ()


def test_the_first_chat_that_is_rendered_otherwise_is_named_where_it_differs():
    [found] = compare(["a", "<|user|>Hello there</s>"], ["a", "<|user|>Hello there<|end|>"])
    assert "1 of 2 chats are rendered otherwise, the first is two ('llo there</s>'" in found
    assert compare(["a", "b"], ["refused: no", "b"])


def test_the_default_of_several_templates_is_the_one():
    several = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    assert [named_template(it) for it in (several, "x", None, [])] == ["d", "x", "", ""]
