"""Sessions on variants that only long prompts find fault with."""

import pytest

from tests import damage


def failed(ended, variant):
    findings = ended.report["variants"][variant]["findings"]
    return {it["rule"]: it["reason"] for it in findings if it["outcome"] == "fail"}


def test_what_only_long_prompts_see_is_found_by_length_and_blamed_on_nobody_else(gate):
    blurred, cut = gate.copy("int4", "blurred"), gate.copy("int4", "cut")
    damage.blur_rope(blurred, first=512)
    damage.cut_rope(cut, rows=1024)
    ended = gate.run(
        suites="suites/test_precision.py suites/test_scaling.py",
        factory="tests.plugins.plants:DiesOfLongPrompts",
        damaged=gate.copy("int4", "damaged"),
        blurred=blurred,
        cut=cut,
        int4=gate.variants["int4"],
    )
    assert ended.status == 1, ended.output
    assert (
        "over that in shorter prompts, at 1,023 tokens"
        in failed(ended, "blurred")["scaling.logits"]
    )
    assert {rule.partition(".")[0] for rule in failed(ended, "blurred")} == {"scaling"}
    died = ["scaling.generation", "scaling.scaling"]
    assert sorted(failed(ended, "cut")) == sorted(failed(ended, "damaged")) == died
    assert "refused a prompt of 1,025 tokens: " in failed(ended, "cut")["scaling.scaling"]
    assert "SIGSEGV" in failed(ended, "damaged")["scaling.scaling"]
    assert "1023 token ids" in failed(ended, "damaged")["scaling.scaling"]
    assert failed(ended, "int4") == failed(ended, "fp32") == {}


@pytest.mark.parametrize("options", [("-k", "int4"), ("--only", "int4")])
def test_one_candidate_alone_is_measured_beside_the_reference(gate, options):
    ended = gate.run(*options, suites="suites/test_scaling.py", int4=gate.variants["int4"])
    findings = ended.report["variants"]["int4"]["findings"]
    by_rule = {it["rule"]: it["outcome"] for it in findings}
    assert by_rule["scaling.scaling"] == by_rule["scaling.logits"] == "pass"
    latest = gate.folder / "reports" / "latest"
    [run] = [path for path in latest.parent.iterdir() if path.name != "latest"]
    for folder in (latest, run):
        assert (folder / "scaling-int4.svg").read_text(encoding="utf-8").endswith("</svg>\n")
        assert "](scaling-int4.svg)" in (folder / "report.md").read_text(encoding="utf-8")
    assert "Prompts were measured up to 1,100 tokens" in "".join(ended.report["remarks"])
