from dataclasses import replace
from pathlib import Path

import pytest

from harness.comparison import compare
from harness.domain import read_items
from harness.finding import Outcome
from harness.release import Precision, Role
from harness.store import read_policy, read_release
from harness.verdict import Decision
from tests.variants import reported, unbuilt

POLICIES = Path(__file__).parents[1] / "fixtures" / "policies"
FP32 = reported(Precision.FP32, 9.4, role=Role.REFERENCE)
INT8 = reported(Precision.INT8, 5.1, itl=0.6, ttft=0.94)
SLOW = reported(Precision.INT8, 5.2, Decision.NO_GO, itl=21.0, ttft=14.0)
INT4 = reported(Precision.INT4, 2.0, itl=0.6, ttft=1.02, gain=-0.2, kld=0.0009)


def names(found):
    return {it.name: it.by for it in found.dominated}


def test_a_variant_that_is_larger_and_slower_is_needless_and_it_is_said_by_how_much():
    [told] = compare({"fp32": FP32, "int8": INT8, "slow": SLOW}).dominated
    assert (told.name, told.by) == ("slow", "int8")
    amounts = {it.axis.name: it.amount for it in told.excesses}
    assert amounts["size"] == pytest.approx(5.2 / 5.1, rel=1e-3)
    assert amounts["time between tokens"] == pytest.approx(35)
    assert set(amounts) == {"size", "time between tokens", "time to first token"}


def test_what_is_better_in_anything_is_not_needless():
    assert names(compare({"fp32": FP32, "int8": INT8, "int4": INT4})) == {}


def test_who_is_most_like_it_is_named_first_and_nobody_who_is_needless_himself():
    also_needless = reported(Precision.INT8, 5.19, itl=0.7, ttft=0.99)
    variants = {"fp32": FP32, "int4": INT4, "int8": INT8, "odd": also_needless, "slow": SLOW}
    told = {it.name: it for it in compare(variants).dominated}
    assert told["slow"].by == "int8"
    assert told["slow"].others == ("int4", "odd")


def test_nothing_is_needless_beside_figures_that_are_in_doubt():
    for doubtful in (
        reported(Precision.INT8, 5.1, itl=0.6, ttft=0.94, outcome=Outcome.INCONCLUSIVE),
        replace(INT8, findings=INT8.findings[1:]),  # one was not measured
    ):
        assert names(compare({"fp32": FP32, "int8": doubtful, "slow": SLOW})) == {}


def test_intervals_that_meet_show_nothing():
    vague = reported(Precision.INT8, 5.1, itl=0.6, ttft=0.94, reach=0.5)
    slower = reported(Precision.INT8, 5.2, itl=0.8, ttft=1.2, reach=0.5)
    assert names(compare({"fp32": FP32, "int8": vague, "slower": slower})) == {}


def test_the_reference_makes_needless_what_is_larger_and_slower_and_never_is():
    large = reported(Precision.FP16, 9.6, itl=1.5, ttft=1.5, peak=1.0)
    assert names(compare({"fp32": FP32, "fp16": large})) == {"fp16": "fp32"}
    assert "fp32" not in names(compare({"fp32": FP32, "int8": INT8}))


def test_two_sizes_alone_are_no_comparison():
    bare = [replace(it, findings=()) for it in (INT8, SLOW)]
    assert names(compare({"fp32": FP32, "one": bare[0], "other": bare[1]})) == {}


def test_the_smallest_that_passes_is_recommended():
    assert compare({"fp32": FP32, "int8": INT8, "int4": INT4}).recommended == "int4"
    refused = replace(INT4, verdict=Decision.NO_GO)
    assert compare({"fp32": FP32, "int8": INT8, "int4": refused}).recommended == "int8"


def test_a_smaller_one_that_is_undecided_is_named_beside_it():
    undecided = replace(INT4, verdict=Decision.INCONCLUSIVE)
    found = compare({"fp32": FP32, "int8": INT8, "int4": undecided, "awq": unbuilt("no")})
    assert (found.recommended, found.undecided) == ("int8", ("int4",))


def test_neither_reference_nor_baseline_is_recommended():
    baseline = replace(INT4, role=Role.BASELINE)
    refused = replace(INT8, verdict=Decision.NO_GO)
    assert compare({"fp32": FP32, "before": baseline, "int8": refused}).recommended == ""


def test_claims_are_bits_for_bits_of_the_reference():
    found = compare({"fp16": replace(FP32, precision=Precision.FP16), "int4": INT4})
    assert [found.claimed_ratio(it) for it in found.contenders] == [1.0, 0.25]


def test_the_nightly_policy_judges_by_the_gates_rules_and_asks_the_whole_bank():
    gate, nightly = (read_policy(POLICIES / f"{name}.toml") for name in ("gate", "nightly"))
    assert (nightly.rules, nightly.required) == (gate.rules, gate.required)
    bank = read_items(read_release(POLICIES.parent / "nightly.toml").data)
    assert (nightly.plan.accuracy_items, nightly.plan.accuracy_least_items) == (0, len(bank))
