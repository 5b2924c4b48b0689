"""Sessions on what users type: which request a variant does not bear is told by name."""

SUITE = "suites/test_edge_cases.py"
PACK = f"{SUITE}::test_edge_cases"


def broken(ended, variant, rule="edge_cases.broken"):
    findings = ended.report["variants"][variant]["findings"]
    [found] = [it for it in findings if it["rule"] == rule]
    return found["outcome"], found["reason"]


def test_a_crash_is_told_by_the_case_and_the_others_are_judged_all_the_same(gate):
    ended = gate.run(
        "--no-publish",
        suites=f"{PACK} {SUITE}::test_vocabulary",
        factory="tests.plugins.plants:DiesOfLongPrompts",
        damaged=gate.copy("int4", "damaged"),
        int4=gate.variants["int4"],
    )
    assert ended.status == 1, ended.output
    outcome, reason = broken(ended, "damaged")
    assert outcome == "fail"
    assert "at one-under-the-context (the process died of SIGSEGV" in reason
    assert reason.count("SIGSEGV") == 3
    assert " and 1 more: 4, but" in reason
    assert broken(ended, "damaged", "edge_cases.token_ids")[0] == "pass"
    assert broken(ended, "int4") == ("pass", "odd requests that it does not bear: 0, at most 0")


def test_a_stream_of_broken_characters_is_found_and_known_risks_are_told(gate):
    ended = gate.run(
        "--no-publish",
        suites=f"{PACK} {SUITE}::test_tokenizer_risks",
        factory="tests.plugins.plants:DecodesTokenByToken",
        damaged=gate.copy("int4", "damaged"),
    )
    assert ended.status == 1, ended.output
    outcome, reason = broken(ended, "damaged")
    assert outcome == "fail"
    assert "decoded at once" in reason
    waived = [line for line in ended.output.splitlines() if line.startswith("waived edge_cases")]
    assert [line.split()[1].rstrip(":") for line in waived] == [
        "edge_cases.special_tokens",
        "edge_cases.nul",
        "edge_cases.normalizer",
    ]
    assert "put text into NFC before it is sent (damaged)" in waived[-1]
