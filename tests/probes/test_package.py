"""A package beside its source: what is damaged is named, what is only written otherwise is not."""

import json
import shutil
from pathlib import Path

import pytest

from harness.errors import LoadError
from harness.parity import TEXTS
from harness.probes import package
from harness.probes.package import Beside
from tests import damage

SOURCE = Path(__file__).parents[2] / "fixtures" / "travel" / "model"
LISBON, PORTO = "Ġto", "Ġfor"


@pytest.fixture
def folder(embedded, tmp_path):
    return Path(shutil.copytree(embedded["int4"], tmp_path / "variant"))


def differences(folder, beside=None):
    """Every sentence of every comparison."""
    beside = beside or Beside(SOURCE)
    found = [
        *package.graph_parts(folder, beside),
        package.generation(folder, beside),
        package.tokenizer(folder, beside, TEXTS),
        package.chats(folder, beside),
    ]
    assert [it.absence for it in found] == [""] * 5
    return [text for it in found for text in it.differences]


def file_differences(folder, beside=None):
    """Those of the tokenizer's files as they are, for what transformers would write the same."""
    whose = "the source's" if beside is None else "the reference's"
    return list(package._tokenizers(folder, beside or SOURCE, whose).differences)


@pytest.mark.parametrize("name", ["fp32", "int8", "int4"])
def test_what_the_gate_builds_is_its_source_in_every_part(embedded, name):
    assert differences(embedded[name]) == []


def test_a_variant_is_its_reference_in_every_part(embedded):
    assert differences(embedded["int4"], Beside(reference=embedded["fp32"])) == []


DAMAGE = [
    (lambda it: damage.set_attribute(it, "local_window_size", 512), "window 512 in"),
    (lambda it: damage.set_attribute(it, "local_window_size", 2048, 1), "window 2048 in"),
    (lambda it: damage.set_attribute(it, "scale", 0.25), "attention scale 0.25 in"),
    (lambda it: damage.set_attribute(it, "scale", 0.18, 1), "attention scale 0.18 in"),
    (lambda it: damage.set_attribute(it, "epsilon", 1e-2), "epsilon of norms 0.01 in"),
    (lambda it: damage.set_attribute(it, "epsilon", 1e-5, 1), "epsilon of norms 1e-05 in"),
    (lambda it: damage.set_attribute(it, "softcap", 30.0), "cap of attention scores 30 in"),
    (lambda it: damage.set_attribute(it, "kv_num_heads", 2), "key and value heads 2 in"),
]


@pytest.mark.parametrize(("plant", "sentence"), DAMAGE)
def test_a_changed_attribute_is_named_with_both_values(folder, embedded, plant, sentence):
    plant(folder)
    [found] = differences(folder)
    assert sentence in found
    assert "by the source's config.json" in found
    beside = differences(folder, Beside(reference=embedded["fp32"]))
    assert sentence in beside[0] or "epsilon" in sentence


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (lambda it: damage.turn_by_another_base(it, 10.0), "a base of 100,000"),
        (
            lambda it: damage.turn_by_another_base(it, 0.1),
            "a base of 1,000, the source's is 10,000",
        ),
        (lambda it: damage.turn_by_another_base(it, 1.001), "cos_cache is off in"),
        (lambda it: damage.blur_rope(it, 4000, 0.001), "positions (4,0"),
        (lambda it: damage.cut_rope(it, 4095), "has 4,095 positions, and the context 4,096"),
    ],
)
def test_caches_are_recomputed_from_the_sources_base(folder, embedded, plant, sentence):
    plant(folder)
    [found] = differences(folder)
    assert sentence in found
    beside = differences(folder, Beside(reference=embedded["fp32"]))
    assert len(beside) == ("context" not in sentence)  # which another check compares
    assert all("cos_cache of the reference" in it for it in beside)


@pytest.mark.parametrize(
    ("settings", "sentences"),
    [
        ({"temperature": 2.0}, ["search.temperature is 2.0, the source's 1.0"]),
        ({"do_sample": True}, ["search.do_sample is true, the source's false"]),
        (
            {"temperature": 2.0, "do_sample": True, "top_k": 0},
            [
                "search.do_sample is true, the source's false",
                "search.temperature is 2.0, the source's 1.0",
                "search.top_k is 0, the source's 50",
            ],
        ),
        ({"repetition_penalty": 1.05}, ["search.repetition_penalty is 1.05, the source's 1.0"]),
        ({"random_seed": 7}, ["search.random_seed is 7, so that to ask again changes no answer"]),
    ],
)
def test_settings_for_callers_that_set_none_are_named(folder, settings, sentences):
    damage.search(folder, **settings)
    assert differences(folder) == sentences


def test_exchanged_tokens_are_named(folder, embedded):
    ids = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    one, other = sorted((LISBON, PORTO), key=list(ids).index)
    damage.exchange_tokens(folder, one, other)
    expected = f"{one!r}, {other!r} have each other's ids ({ids[one]} and {ids[other]} in"
    for beside in (Beside(SOURCE), Beside(reference=embedded["fp32"])):
        [found] = differences(folder, beside)
        assert expected in found


def test_three_tokens_with_other_ids_are_told_apart_from_two(folder):
    damage.exchange_tokens(folder, LISBON, PORTO)
    damage.exchange_tokens(folder, LISBON, "Ġthe")
    [found] = file_differences(folder)
    assert found.startswith("3 tokens have other ids than in the source's: ")


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (lambda it: damage.forget_merges(it, 0.0), "0 merges, the source's"),
        (lambda it: damage.forget_merges(it, 0.999), "merges, the source's"),
        (lambda it: damage.flag_added_token(it, "<|im_end|>", "special"), "'<|im_end|>' has no"),
        (lambda it: damage.flag_added_token(it, "<|im_end|>", "lstrip"), "'<|im_end|>' has lstrip"),
        (lambda it: damage.replace_stage(it, "normalizer", {"type": "NFKC"}), "its normalizer is"),
        (lambda it: damage.replace_stage(it, "pre_tokenizer", None), "its pre_tokenizer is none"),
        (lambda it: damage.replace_stage(it, "decoder", None), "its decoder is none"),
        (
            lambda it: damage.replace_stage(
                it,
                "truncation",
                {"max_length": 99, "strategy": "LongestFirst", "stride": 0, "direction": "Left"},
            ),
            "its truncation is",
        ),
    ],
)
def test_every_part_of_the_tokenizer_is_held_against_the_sources(folder, plant, sentence):
    plant(folder)
    [found] = file_differences(folder)
    assert sentence in found


@pytest.mark.parametrize("plant", [damage.double_start, damage.drop_start, damage.speak_phi_3])
def test_a_template_that_renders_otherwise_is_named_with_what_it_renders(folder, plant):
    plant(folder)
    [found] = differences(folder)
    assert "the chat template is not the source checkpoint's" in found
    assert "of 36 chats are rendered otherwise" in found


LONG = (
    "{% if messages|length > 8 and messages[0].role == 'system' %}"
    "{% set messages = messages[1:] %}{% endif %}"
)
SAID = (
    "{% for it in messages %}{{ it.role }}{{ it.content }}"
    "{% for call in it.tool_calls or [] %}{{ call.function.name }}{% endfor %}{% endfor %}"
)
OFFERED = "{% for it in tools or [] %}{{ it.function.name }}{% endfor %}"


@pytest.mark.parametrize(
    ("mine", "theirs", "first"),
    [
        (LONG + SAID, SAID, "a long chat after a system message"),
        (SAID + OFFERED.replace("tools", "(tools or [])[:1]", 1), SAID + OFFERED, "two tools"),
        (
            SAID.replace("it.tool_calls or []", "(it.tool_calls or [])[:1]"),
            SAID,
            "two tools that were used at once",
        ),
    ],
)
def test_a_template_that_loses_a_part_of_a_long_chat_or_of_several_tools_is_named(
    folder, tmp_path, mine, theirs, first
):
    source = Path(shutil.copytree(SOURCE, tmp_path / "source"))
    for place, template in ((folder, mine), (source, theirs)):
        (place / "chat_template.jinja").write_text(template)
    [found] = package.chats(folder, Beside(source)).differences
    assert f"the first is {first}, " in found


def test_tokens_of_another_file_that_the_engine_reads_are_named(folder, tmp_path):
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    entries = {"2": {"content": "<|im_end|>"}, "77": {"content": "umbrella", "special": False}}
    path.write_text(json.dumps({**config, "added_tokens_decoder": entries}))
    [found] = differences(folder)
    assert found == (
        "added_tokens_decoder of tokenizer_config.json has 1 tokens otherwise than tokenizer.json: "
        "'umbrella' (77 for no token)"
    )
    source = Path(shutil.copytree(SOURCE, tmp_path / "source"))
    named = json.loads((source / "tokenizer_config.json").read_text())
    named["added_tokens_decoder"] = entries
    (source / "tokenizer_config.json").write_text(json.dumps(named))
    assert differences(folder, Beside(source)) == []


def test_a_file_that_is_read_before_the_tokenizer_is_named(folder, tmp_path):
    module = json.dumps({"added_tokens": [{"id": 77, "content": "umbrella", "special": False}]})
    (folder / "tokenizer_module.json").write_text(module)
    [found] = differences(folder)
    assert found.startswith("tokenizer_module.json, which the engine reads before tokenizer.json, ")
    source = Path(shutil.copytree(SOURCE, tmp_path / "source"))
    (source / "tokenizer_module.json").write_text(module)
    assert differences(folder, Beside(source)) == []


def test_marks_of_the_sources_template_are_plain_where_its_tokenizer_has_none_of_them(tmp_path):
    asked = (("user", "first"), ("assistant", "second"))
    source = Path(shutil.copytree(SOURCE, tmp_path / "source"))
    assert package.marks_of_source(source, asked) == frozenset()
    damage.speak_phi_3(source)
    assert package.marks_of_source(source, asked) == {"<|user|>", "<|end|>", "<|assistant|>"}
    (source / "chat_template.jinja").unlink()
    assert package.marks_of_source(source, asked) == frozenset()
    assert package.marks_of_source(None, asked) == frozenset()


EQUIVALENT = {
    "a template with a comment": damage.comment_template,
    "JSON written anew": damage.write_anew,
    "a shorter answer where the caller sets it": lambda it: damage.search(it, max_length=64),
    "no shared buffer": lambda it: damage.search(it, past_present_share_buffer=False),
    "a window as long as the context": lambda it: damage.set_attribute(
        it, "local_window_size", 4096
    ),
    "a harmless file": lambda it: (it / "README.md").write_text("Hello"),
}


@pytest.mark.parametrize("plant", EQUIVALENT.values(), ids=EQUIVALENT)
def test_what_no_user_can_tell_is_no_difference(folder, plant):
    plant(folder)
    assert differences(folder) == []


def test_two_templates_of_one_package_must_render_the_same(folder):
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    text = (folder / "chat_template.jinja").read_text()
    path.write_text(json.dumps({**config, "chat_template": "{# the same #}" + text}))
    assert differences(folder) == []
    path.write_text(json.dumps({**config, "chat_template": damage.PHI_3}))
    [found] = differences(folder)
    assert "not the one in chat_template.jinja" in found


def test_a_reference_without_a_source_is_held_against_nothing(embedded, tmp_path):
    alone = Beside()
    assert package.generation(embedded["fp32"], alone).absence == ("the release names no [model]")
    assert all(it.absence for it in package.graph_parts(embedded["fp32"], alone))
    assert package.tokenizer(embedded["fp32"], alone, TEXTS).absence
    own = Path(shutil.copytree(embedded["fp32"], tmp_path / "own"))
    (own / "tokenizer_module.json").write_text('{"added_tokens": []}')
    assert package.tokenizer(own, alone, TEXTS).absence  # nobody knows whether it is right


def test_a_source_that_transformers_writes_otherwise_is_no_difference(folder, tmp_path):
    """Its pre-tokenizer is not Qwen2's own, which transformers puts in its place on saving."""
    source = Path(shutil.copytree(SOURCE, tmp_path / "source"))
    own = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    damage.replace_stage(source, "pre_tokenizer", own)
    found = package.tokenizer(folder, Beside(source), TEXTS)
    assert (found.absence, found.differences) == ("", ())
    damage.replace_stage(folder, "pre_tokenizer", {"type": "Whitespace"})
    [found] = package.tokenizer(folder, Beside(source), TEXTS).differences
    assert "its pre_tokenizer is" in found


def test_what_transformers_changes_of_token_ids_is_undecided(folder, tmp_path):
    """The model may have been trained on the file as it is, and nothing else would tell."""
    source = Path(shutil.copytree(SOURCE, tmp_path / "source"))
    own = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    damage.replace_stage(source, "pre_tokenizer", own)
    texts = {"in a line": " to", "at its start": "to"}
    found = package.tokenizer(folder, Beside(source), texts)
    assert found.differences == ()
    assert "1 of 2 texts have other token ids" in found.absence
    assert "(at its start), and nobody knows" in found.absence
    assert package.tokenizer(folder, Beside(source), TEXTS).absence
    assert package.tokenizer(folder, Beside(source), {"in a line": " to"}).absence == ""


def test_a_tokenizer_that_differs_is_undecided_where_nobody_can_write_it_anew(folder, monkeypatch):
    monkeypatch.setattr("harness.probes.saved_tokenizer.find_spec", lambda name: None)
    damage.replace_stage(folder, "pre_tokenizer", {"type": "Whitespace"})
    found = package.tokenizer(folder, Beside(SOURCE), TEXTS)
    assert found.differences == ()
    assert "its pre_tokenizer is" in found.absence
    assert "transformers is not there" in found.absence


def test_exchanged_tokens_are_a_difference_though_nobody_can_write_the_file_anew(
    folder, monkeypatch
):
    monkeypatch.setattr("harness.probes.saved_tokenizer.find_spec", lambda name: None)
    damage.exchange_tokens(folder, LISBON, PORTO)
    found = package.tokenizer(folder, Beside(SOURCE), TEXTS)
    assert found.absence == ""
    [sentence] = found.differences
    assert "have each other's ids" in sentence


def test_a_graph_that_is_no_file_is_not_read(folder):
    path = folder / "genai_config.json"
    config = json.loads(path.read_text())
    config["model"]["decoder"]["filename"] = "/dev/zero"
    path.write_text(json.dumps(config))
    with pytest.raises(LoadError, match="is no file: /dev/zero"):
        package.graph_parts(folder, Beside(SOURCE))
