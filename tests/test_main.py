import subprocess
import sys
from dataclasses import replace

import pytest

from harness.__main__ import main
from harness.evidence import Check, CheckOutcome, Evidence, Subject
from harness.measurement import Measurement
from harness.release import Precision, Role
from harness.store import read_evidence, write_evidence

POLICY = """
required = ["edge.edge"]
[rules."edge.broken"]
subject = "broken cases"
metric = "edge.broken"
statistic = "total"
at_most = 0.0
roles = ["candidate", "reference"]
"""


@pytest.fixture
def stored(tmp_path):
    (tmp_path / "strict.toml").write_text(POLICY)

    def write(broken=0.0, variants=("fp32", "int4")):
        evidence = Evidence(
            release="travel:1",
            subjects={
                "fp32": Subject(Role.REFERENCE, Precision.FP32, digest="sha256:1"),
                "int4": Subject(Role.CANDIDATE, Precision.INT4, digest="sha256:2"),
            },
            environment="here",
            checks=tuple(Check("edge", "edge", it, CheckOutcome.MEASURED) for it in variants),
            measurements=tuple(
                Measurement("edge", "edge.broken", it, "count", (broken,), "here")
                for it in variants
            ),
        )
        write_evidence(tmp_path / "evidence.json", evidence)
        return ["judge", str(tmp_path / "evidence.json"), "--policy", str(tmp_path / "strict.toml")]

    return write


@pytest.mark.parametrize(
    ("what", "status", "last"),
    [
        ({}, 0, "GO"),
        ({"broken": 2.0}, 1, "NO-GO"),
        ({"variants": ("fp32",)}, 6, "INCONCLUSIVE"),
    ],
    ids=["good", "broken", "not measured"],
)
def test_stored_evidence_is_judged_again_with_the_same_status(stored, capsys, what, status, last):
    assert main(stored(**what)) == status
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_of_several_candidates_the_one_to_take_is_named_again(stored, tmp_path, capsys):
    arguments = stored()
    path = tmp_path / "evidence.json"
    evidence = read_evidence(path)
    twin = replace(evidence.subjects["int4"], size_bytes=2**20)
    checks = (*evidence.checks, replace(evidence.checks[-1], variant="twin"))
    measured = (*evidence.measurements, replace(evidence.measurements[-1], variant="twin"))
    subjects = {**evidence.subjects, "twin": twin}
    write_evidence(path, replace(evidence, subjects=subjects, checks=checks, measurements=measured))
    assert main(arguments) == 0
    recommended, verdict = capsys.readouterr().out.splitlines()[-2:]
    assert recommended == "recommended: twin, the smallest that passes (1.00 MiB)"
    assert verdict == "GO"


def test_a_missing_file_is_one_line_and_status_4(stored, tmp_path, capsys):
    arguments = stored()
    (tmp_path / "evidence.json").unlink()
    assert main(arguments) == 4
    assert capsys.readouterr().err.count("\n") == 1


def test_asking_pytest_for_help_imports_nothing_heavy():
    heavy = "torch olive onnx onnxruntime onnxruntime_genai foundry_local_sdk scipy.stats"
    code = (
        "import sys, pytest; pytest.main(['--help']); "
        f"print([name for name in '{heavy}'.split() if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "--release=FILE" in done.stdout
