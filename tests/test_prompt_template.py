"""PromptTemplate of several families, and templates that have none."""

import jinja2
import pytest

from harness.answer import Messages
from harness.errors import PublishError, RequestError
from harness.prompt_template import PromptTemplate, derive, undated

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
QWEN = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nYou help.<|im_end|>\n{% endif %}"
) + CHATML
LLAMA = (
    "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content }}<|eot_id|>{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n\n"
)
PHI = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}<|assistant|>\n"
MISTRAL = (
    "<s>{% for m in messages %}{% if m.role == 'system' %}[SYS]{{ m.content }}[/SYS]"
    "{% elif m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"
)
VICUNA = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}\n\n"
    "{% elif m.role == 'user' %}USER: {{ m.content }} "
    "{% else %}ASSISTANT: {{ m.content }}</s>{% endif %}{% endfor %}ASSISTANT:"
)
GEMMA = (
    "<bos>{% for m in messages %}{% if m.role == 'system' %}{{ refuse('no such role') }}"
    "{% endif %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content }}"
    "<end_of_turn>\n{% endfor %}<start_of_turn>model\n"
)
CHATS = [
    (("user", "Hi"),),
    (("system", "Be brief"), ("user", "Hi")),
    (("user", "1"), ("assistant", "2"), ("user", "3"), ("assistant", "4"), ("user", "5")),
]


def refuse(reason):
    raise RequestError(reason)


def renderer(source):
    template = jinja2.Environment(keep_trailing_newline=True).from_string(source)
    template.globals["refuse"] = refuse

    def render(messages: Messages) -> str:
        chat = [{"role": role, "content": content} for role, content in messages]
        return template.render(messages=chat)

    return render


def test_chatml_gives_the_documented_segments():
    assert derive(renderer(CHATML)) == PromptTemplate(
        system="<|im_start|>system\n{Content}<|im_end|>\n",
        user="<|im_start|>user\n{Content}<|im_end|>\n",
        assistant="<|im_start|>assistant\n{Content}<|im_end|>\n",
        prompt="<|im_start|>user\n{Content}<|im_end|>\n<|im_start|>assistant\n",
    )


def test_a_begin_token_stands_before_system_and_prompt_only():
    template = derive(renderer(LLAMA))
    assert template.system.startswith("<|begin_of_text|><|start_header_id|>system")
    assert template.user.startswith("<|start_header_id|>user")
    assert template.prompt.startswith("<|begin_of_text|><|start_header_id|>user")


def test_a_default_system_message_stands_in_prompt_only():
    template = derive(renderer(QWEN))
    assert template.user == "<|im_start|>user\n{Content}<|im_end|>\n"
    assert template.prompt.startswith("<|im_start|>system\nYou help.<|im_end|>\n<|im_start|>user")


def test_a_template_that_refuses_system_messages_has_no_such_segment():
    render = renderer(GEMMA)
    template = derive(render)
    assert template.segments().keys() == {"user", "assistant", "prompt"}
    assert template.user == "<start_of_turn>user\n{Content}<end_of_turn>\n"
    assert template.assemble(CHATS[2]) == render(CHATS[2])


def test_a_template_that_refuses_every_chat_is_refused_with_its_reason():
    with pytest.raises(PublishError, match="it refuses user \\+ assistant \\+ user: no chats"):
        derive(renderer("{{ refuse('no chats') }}"))


@pytest.mark.parametrize("chat", CHATS, ids=len)
@pytest.mark.parametrize("source", [CHATML, QWEN, LLAMA, PHI, MISTRAL, VICUNA])
def test_segments_assemble_to_what_the_template_renders(source, chat):
    render = renderer(source)
    assert derive(render).assemble(chat) == render(chat)


MOVED = (  # as Mistral 7B v0.3: the system's words stand before the last question
    "<s>{% for m in messages %}{% if m.role == 'user' %}[INST] "
    "{% if loop.last and messages[0].role == 'system' %}{{ messages[0].content }}\n\n{% endif %}"
    "{{ m.content }}[/INST]{% elif m.role == 'assistant' %} {{ m.content }}</s>{% endif %}"
    "{% endfor %}"
)


def test_a_system_message_that_moves_is_in_no_segment():
    render = renderer(MOVED)
    template = derive(render)
    assert template.system is None
    chat = (("user", "One"), ("assistant", "Two"), ("user", "Three"))
    assert template.assemble(chat) == render(chat)


@pytest.mark.parametrize("date", ["26 Jul 2024", "July 26, 2024", "2024-07-26", "1 December 2026"])
def test_the_day_of_rendering_makes_no_other_template(date):
    one, other = (derive(renderer(f"Today: {it}. " + CHATML)) for it in (date, "2 Jan 2025"))
    assert one != other
    assert undated(one) == undated(other)
    assert undated(one) == undated(one.segments())
    assert undated(one) != undated(derive(renderer(f"On {date}. " + CHATML)))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (CHATML.replace("m.content", "m.content | upper"), "drops, repeats or moves the user"),
        (CHATML.replace("{{ m.content }}", "{{ m.content }}{{ m.content }}"), "repeats"),
        (CHATML.replace("{{ m.role }}", "{{ m.role }} {{ loop.index }}"), "the segments give"),
        (CHATML.replace("m.content", "m.content | truncate(12)"), "cannot be derived"),
        (CHATML.replace("m.content", "(m.content | replace('.', ''))"), "the segments give"),
    ],
    ids=["changes it", "repeats it", "counts turns", "cuts it", "cleans it"],
)
def test_what_no_segments_can_say_is_refused_in_one_line(source, reason):
    with pytest.raises(PublishError, match=reason) as refused:
        derive(renderer(source))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "segments",
    [
        ("system", "{Content}", "{Content}", "{Content}"),
        ("{Content}", "{Content}{Content}", "{Content}", "{Content}"),
        ("{Content}", "user {Content}", "{Content}", "other {Content}"),
    ],
)
def test_segments_without_one_place_for_the_message_are_no_template(segments):
    with pytest.raises(ValueError, match=r"segment needs one|must hold the user segment"):
        PromptTemplate(*segments)
