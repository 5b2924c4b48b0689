import pytest

from harness.answer import Answer
from harness.bench import Stage
from harness.candidates import publish_candidates
from harness.fleet import Fleet
from harness.item import Item
from harness.policy import Plan
from harness.release import Identity, Precision, Role
from harness.variant import Recipe, Variant
from harness.verdict import Decision, VariantVerdict, Verdict

ITEMS = (Item("a", (("user", "Hello"),), "Hi"),)
GO = Verdict(Decision.GO, {"int4": VariantVerdict("int4", Role.CANDIDATE, Decision.GO, ())})


@pytest.fixture
def refused(tmp_path):
    """What is said of a GO candidate with these answers, and the exit status."""
    (tmp_path / "genai_config.json").write_text("{}")
    variant = Variant(Recipe("int4", Role.CANDIDATE, Precision.INT4), tmp_path, {}, "sha256:0")

    def refused(answers):
        with Fleet({"int4": variant}, "harness.runtimes.scripted:Scripted", 60.0) as fleet:
            stage = Stage(fleet, "fp32", ITEMS, Plan(), "here", answers=answers)
            published, why, status = publish_candidates(
                GO, stage, Identity("travel", 1), tmp_path / "published"
            )
        assert published == {}
        assert not (tmp_path / "published").exists()
        return why["int4"], status

    return refused


def test_a_package_that_no_answer_proves_is_refused(refused):
    why, status = refused({})
    assert status == 7
    assert "require accuracy.accuracy in the policy" in why


def test_a_folder_without_generation_settings_is_refused(refused):
    why, status = refused({"int4": (Answer(text="Hi"),)})
    assert status == 7
    assert "genai_config.json of int4 must have a table search" in why
