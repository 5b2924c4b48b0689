"""Sessions on what answering promises: a broken promise is told by contract and prompt."""


def outcomes(ended, variant):
    findings = ended.report["variants"][variant]["findings"]
    return {
        it["rule"]: (it["outcome"], it["reason"])
        for it in findings
        if it["rule"].startswith("contracts.")
    }


def test_broken_promises_are_told_and_a_sound_variant_keeps_its_own(gate):
    ended = gate.run(
        "--no-publish",
        suites="suites/test_contracts.py",
        factory="tests.plugins.plants:BreaksPromises",
        damaged=gate.copy("int4", "damaged"),
        int4=gate.variants["int4"],
    )
    assert ended.status == 1, ended.output
    damaged = outcomes(ended, "damaged")
    failed = {rule for rule, (outcome, _) in damaged.items() if outcome == "fail"}
    assert {"contracts.same_seed", "contracts.changed"} <= failed
    assert "tokens (the same seed gave '" in damaged["contracts.same_seed"][1]
    assert "no answer can be reproduced" in damaged["contracts.same_seed"][1]
    assert " (request " in damaged["contracts.changed"][1]
    assert {outcome for outcome, _ in outcomes(ended, "int4").values()} == {"pass"}
    assert len(outcomes(ended, "int4")) == 10


def test_a_package_that_samples_hotter_than_it_should_is_refused_though_it_answers_the_same(gate):
    import json

    folder = gate.copy("int4", "hot")
    config = json.loads((folder / "genai_config.json").read_text())
    config["search"]["temperature"] = 3.0
    (folder / "genai_config.json").write_text(json.dumps(config))
    ended = gate.run("--no-publish", suites="suites/test_foundry.py", hot=folder)
    assert ended.status == 1, ended.output
    reasons = ended.reasons("hot")
    assert "evidence that answers are drawn at a higher temperature than the source" in reasons
    assert "compare the search settings of genai_config.json" in reasons
