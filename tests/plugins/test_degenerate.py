"""Sessions on variants that break down whatever they are asked."""

import re

from tests.damage import never_stop
from tests.weight_damage import zero_scales


def test_variants_that_break_down_are_no_go_and_their_symptoms_are_told(gate):
    endless, dull = gate.copy("int4", "endless"), gate.copy("int4", "dull")
    never_stop(endless)
    zero_scales(dull)
    variants = {"endless": endless, "dull": dull, "int4": gate.variants["int4"]}
    ended = gate.run("--no-publish", suites="suites/test_accuracy.py", **variants)
    assert ended.status == 1, ended.output
    outcomes = [outcome_of("accuracy.degenerate", ended.report, name) for name in variants]
    assert outcomes == ["fail", "fail", "pass"]
    told = [it for it in ended.report["remarks"] if it.startswith("degenerate answers")]
    assert [it.partition(": ")[0].rpartition(" ")[2] for it in told] == ["endless", "dull"]
    every = r"(\d+) of \1 \(fp32: 0\): \1 x no end, \1 x template text"
    assert re.search(every, told[0]), told[0]


def outcome_of(rule, report, variant):
    findings = report["variants"][variant]["findings"]
    return next(it["outcome"] for it in findings if it["rule"] == rule)
