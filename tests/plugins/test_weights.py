"""Weights that are not the source's are a finding that names tensor and blocks."""

from tests import weight_damage

ONLY = ("--no-publish", "-k", "weights")


def planted(gate, plant):
    folder = gate.copy("int4", plant.__name__)
    plant(folder)
    return folder


def outcomes(ended, variant):
    findings = ended.report["variants"][variant]["findings"]
    return {it["rule"]: it["outcome"] for it in findings if ".weights_" in it["rule"]}


def test_damaged_blocks_and_missing_bits_are_told_apart_and_a_copy_passes(gate):
    ended = gate.run(
        *ONLY,
        suites="suites/test_precision.py",
        has_source=True,
        copy=gate.copy("int4", "copy"),
        holes=planted(gate, weight_damage.zero_blocks),
        narrow=planted(gate, weight_damage.requantize_to_3_bits),
    )
    assert ended.status == 1, ended.output
    assert set(outcomes(ended, "copy").values()) == {"pass"}
    assert outcomes(ended, "holes") == {
        "precision.weights_off": "fail",
        "precision.weights_factor": "pass",
        "precision.weights_rows": "pass",
        "precision.weights_lost": "fail",
        "precision.weights_typical": "pass",
        "precision.weights_lacking": "pass",
    }
    assert (
        "at model.layers.1.mlp.down_proj, where 64 of 4,096 blocks (rows 5 to 250) are off by more "
        "than 4 bits at block size 32 explain: 63, but must be at most 0"
    ) in ended.reasons("holes")
    assert outcomes(ended, "narrow")["precision.weights_typical"] == "fail"


def test_without_a_source_weights_are_said_to_be_unchecked(gate):
    ended = gate.run(*ONLY, suites="suites/test_precision.py")
    assert set(outcomes(ended, "int4").values()) == {"waived"}
    assert "precision.weights had nothing to measure: the release names no [model]" in (
        ended.reasons("int4")
    )
    assert "waived not applied, the release names no [model]: " in ended.output
