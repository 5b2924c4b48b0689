"""Templates are rendered as transformers does, and none can hold the gate up."""

import sys

import pytest

from harness.errors import InfrastructureError
from harness.probes.chat_rendering import render_chats

CHAT = {"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": True}


def render(template, **chat):
    [found] = render_chats(template, [{**CHAT, **chat}], {"bos_token": "<s>"}, 15)
    return found


def test_white_space_of_blocks_and_the_usual_extensions_are_as_in_transformers():
    template = """{% for turn in messages %}
        {% if loop.index > 5 %}{% break %}{% endif %}
        {%- generation %}{{ bos_token + turn.content }}{% endgeneration %}
{% endfor %}
{{ {"é": 1} | tojson }}"""
    assert render(template) == '<s>Hi{"é": 1}'


def test_what_a_template_refuses_is_told():
    assert render("{{ raise_exception('no tools') }}") == "refused: no tools"
    assert render("{% if %}").startswith("refused: ")
    assert render("{{ messages.__class__.__mro__ }}").startswith("refused: ")


def test_a_template_that_does_not_end_is_ended():
    forever = "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}"
    [found] = render_chats(forever, [CHAT], {}, seconds=2)
    assert found.startswith("refused: rendering it does not end")


def test_a_template_that_takes_all_memory_is_ended():
    found = render(
        "{% set ns = namespace(x='a' * 999) %}{% for a in range(99) %}"
        "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}"
    )
    assert found == "refused: it takes too much memory"


def test_what_cannot_be_rendered_here_is_no_fault_of_the_template(monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'ModuleNotFoundError: jinja2' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(InfrastructureError, match="cannot be rendered here: ModuleNotFoundError"):
        render("{{ bos_token }}")
