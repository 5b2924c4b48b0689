"""Packages that state something else than their source, whoever exported them."""

from dataclasses import replace

import pytest

from harness.builders.context_length import shorten_context
from tests import damage

SUITE = "suites/test_packaging.py"
SWALLOWING = '''
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    """What a plugin does that means to collect failures and forgets to report them."""
    try:
        return (yield)
    except BaseException:
        return True
'''


def in_both(gate, plant):
    """A release whose reference and candidate come from the same wrong export."""
    folders = {name: gate.copy(name, f"wrong-{name}") for name in ("fp32", "int4")}
    for folder in folders.values():
        plant(folder)
    return replace(gate, variants=folders), folders["int4"]


def test_a_fault_of_the_export_is_no_go_though_the_reference_has_it_too(gate):
    def plant(folder):
        damage.set_attribute(folder, "local_window_size", 512)
        damage.turn_by_another_base(folder, 10.0)
        damage.search(folder, temperature=2.0, do_sample=True, top_k=0)

    gate, wrong = in_both(gate, plant)
    ended = gate.run(suites=SUITE, has_source=True, int4=wrong)
    assert ended.status == 1, ended.output
    for name in ("fp32", "int4"):
        reasons = ended.reasons(name)
        assert "attention window 512 in" in reasons
        assert "all tokens by the source's config.json" in reasons
        assert "it looks like a base of 100,000" in reasons
        assert "search.temperature is 2.0, the source's 1.0" in reasons


def test_a_package_that_ignores_the_context_of_the_release_is_no_go(gate):
    gate = replace(gate, model=f"{gate.model}context_tokens = 3000\n")
    folders = {name: gate.copy(name, f"shorter-{name}") for name in ("fp32", "int4")}
    for folder in folders.values():
        shorten_context(folder, 3000)
    longer, gate = gate.variants["int4"], replace(gate, variants=folders)
    ended = gate.run(suites=SUITE, has_source=True, shorter=folders["int4"], longer=longer)
    assert ended.status == 1, ended.output
    said = "context_length is 4096 in genai_config.json, but context_tokens is 3000"
    assert said in ended.reasons("longer")
    rotations = {"fp32": "packaging.rotations_of_reference", "shorter": "packaging.rotations"}
    for name, rule in rotations.items():
        findings = ended.report["variants"][name]["findings"]
        mine = {it["rule"]: it["outcome"] for it in findings if it["suite"] == "packaging"}
        assert set(mine.values()) == {"pass"}, ended.reasons(name)
        assert {"packaging.contradictions", rule} <= set(mine)


def test_failures_that_a_plugin_swallows_are_no_go_by_their_rules(gate, monkeypatch):
    (gate.folder / "swallowing.py").write_text(SWALLOWING)
    monkeypatch.setenv("PYTHONPATH", str(gate.folder))
    monkeypatch.setenv("PYTEST_PLUGINS", "swallowing")
    damaged = gate.copy("int4", "damaged")
    damage.never_stop(damaged)
    ended = gate.run(suites=SUITE, damaged=damaged)
    assert ended.status == 1, ended.output
    failed = {
        it["rule"]
        for it in ended.report["variants"]["damaged"]["findings"]
        if it["outcome"] == "fail"
    }
    assert failed == {"packaging.contradictions", "packaging.template_problems"}
    assert "eos_token_id is 5" in ended.reasons("damaged")


@pytest.mark.parametrize("has_source", [True, False])
def test_a_template_with_a_comment_and_json_written_anew_are_go(gate, has_source):
    same = gate.copy("int4", "same")
    damage.comment_template(same)
    damage.write_anew(same)
    ended = gate.run(suites=SUITE, has_source=has_source, same=same)
    findings = ended.report["variants"]["same"]["findings"]
    mine = [it for it in findings if it["suite"] == "packaging"]
    assert {it["outcome"] for it in mine} == {"pass"}, ended.reasons("same")
    assert {"packaging.chats", "packaging.tokenizer", "packaging.attributes"} <= {
        it["rule"] for it in mine
    }
