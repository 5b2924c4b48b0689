import pytest

from harness.evidence import Check, CheckOutcome, Evidence, Subject
from harness.measurement import Measurement
from harness.release import Precision, Role

SUBJECTS = {
    "int4": Subject(Role.CANDIDATE, Precision.INT4, digest="sha256:1"),
    "fp32": Subject(Role.REFERENCE, Precision.FP32, digest="sha256:2"),
}
CHECK = Check("latency", "load_time", "int8", CheckOutcome.MEASURED)
MEASUREMENT = Measurement("latency", "latency.itl", "int8", "ms", (1.0,), "here")


def test_a_check_is_known_by_suite_and_name():
    assert CHECK.id == "latency.load_time"


def test_the_reference_is_found_wherever_it_stands():
    assert Evidence("travel:1", SUBJECTS, "here").reference == "fp32"


@pytest.mark.parametrize("stray", [{"checks": (CHECK,)}, {"measurements": (MEASUREMENT,)}])
def test_evidence_on_what_is_not_of_the_release_is_refused(stray):
    with pytest.raises(ValueError, match="evidence on 'int8', which the release does not name"):
        Evidence("travel:1", SUBJECTS, "here", **stray)
