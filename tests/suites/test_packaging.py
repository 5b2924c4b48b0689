"""The packaging suite on real variants whose chat template is another, beside its source's."""

import shutil
from pathlib import Path

import pytest

from harness.bench import Bench
from harness.fleet import Fleet
from harness.policy import Plan
from harness.release import Precision, Role
from harness.stage import Stage
from harness.variant import Recipe, Variant
from suites import test_packaging as suite
from tests import damage

CHECKPOINT = Path(__file__).parents[2] / "fixtures" / "travel" / "model"
ENGINE = "harness.runtimes.ort_genai:OrtGenAI"
PLAIN = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + "
    "'<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def template_problems(directory, source):
    """What the suite finds wrong with the template of one variant."""
    variant = Variant(Recipe("int4", Role.CANDIDATE, Precision.INT4), directory, {}, "sha256:0")
    handed_in = []
    with Fleet({"int4": variant}, ENGINE, 60.0) as fleet:
        stage = Stage(fleet, "fp32", (), Plan(), "here", source=source)
        suite.test_template_speaks_the_tokenizers_language(
            Bench(stage, "int4", "packaging"), handed_in.append
        )
    [found] = handed_in
    return [label for label in found.labels if label]


@pytest.fixture
def copies(embedded, tmp_path):
    """A variant's folder, and its source's."""
    pairs = ((embedded["int4"], "int4"), (CHECKPOINT, "source"))
    return [Path(shutil.copytree(directory, tmp_path / name)) for directory, name in pairs]


def test_marks_that_are_plain_text_to_the_source_are_no_problem(copies):
    for folder in copies:
        (folder / "chat_template.jinja").write_text(PLAIN, encoding="utf-8")
    assert template_problems(*copies) == []
    for source in (CHECKPOINT, None):
        found = template_problems(copies[0], source)
        assert [label.split(" is ")[0] for label in found] == [
            "the template's <|user|>",
            "the template's <|assistant|>",
        ]


def test_another_familys_template_is_a_problem_beside_the_source_too(copies):
    variant, source = copies
    damage.speak_phi_3(variant)
    assert len(template_problems(variant, source)) == 4


@pytest.mark.parametrize(("end", "problems"), [(" <|im_end|>", 0), (" </answer>", 1), (" ", 1)])
def test_an_answer_may_be_closed_after_a_space(copies, end, problems):
    variant, _ = copies
    path = variant / "chat_template.jinja"
    template = path.read_text(encoding="utf-8")
    path.write_text(template.replace("<|im_end|>", end), encoding="utf-8")
    assert len(template_problems(variant, CHECKPOINT)) == problems
