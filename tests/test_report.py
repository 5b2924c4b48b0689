from harness.conditions import Conditions
from harness.environment import Environment
from harness.evidence import Evidence, Subject
from harness.finding import Finding, Outcome
from harness.policy import Severity
from harness.release import Identity, Precision, Role
from harness.report import report_of
from harness.verdict import Decision, VariantVerdict, Verdict


def test_a_report_joins_what_was_decided_with_what_was_measured():
    finding = Finding("a.b", "a", Severity.CRITICAL, Outcome.PASS, "fine")
    verdict = Verdict(
        Decision.GO,
        {
            "fp32": VariantVerdict("fp32", Role.REFERENCE, Decision.INCONCLUSIVE, ()),
            "int4": VariantVerdict("int4", Role.CANDIDATE, Decision.GO, (finding,)),
        },
    )
    subjects = {
        "int4": Subject(Role.CANDIDATE, Precision.INT4, digest="sha256:1", size_bytes=5),
        "fp32": Subject(Role.REFERENCE, None, problem="not built"),
    }
    environment = Environment("x", 2, 1, "Linux", "3.11", ())
    conditions = (Conditions(0.0, 2), Conditions(9.0, 2))
    evidence = Evidence("travel:1", subjects, environment.fingerprint, conditions=conditions)

    report = report_of(Identity("travel", 1), "gate", environment, evidence, verdict)

    assert (report.verdict, report.policy) == (Decision.GO, "gate")
    assert list(report.variants) == ["fp32", "int4"]
    int4, fp32 = report.variants["int4"], report.variants["fp32"]
    assert (int4.digest, int4.size_bytes, int4.findings) == ("sha256:1", 5, (finding,))
    assert (fp32.verdict, fp32.digest, fp32.size_bytes) == (Decision.INCONCLUSIVE, "", 0)
    assert (report.published, report.refused) == ({}, {})
    assert report.conditions == conditions
