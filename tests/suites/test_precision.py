"""The precision suite on real variants that are damaged, judged by the gate's own rules."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness import readings
from harness.bench import Bench
from harness.domain import read_items
from harness.errors import InfrastructureError
from harness.evidence import Evidence, Subject
from harness.fleet import Fleet
from harness.policy import Plan
from harness.release import Data, Precision, Role
from harness.stage import Stage
from harness.store import read_policy
from harness.variant import Recipe, Variant
from harness.verdict import judge_measurements
from suites import test_precision as suite
from tests import damage, weight_damage
from tests.conftest import CACHE

FIXTURES = Path(__file__).parents[2] / "fixtures"
POLICY = read_policy(FIXTURES / "policies" / "gate.toml")
ITEMS = read_items(Data(FIXTURES / "travel" / "eval.jsonl"))[::31]
PLAN = Plan(precision_items=40, source_items=20)
CHECKPOINT = FIXTURES / "travel" / "model"
ENGINE = "harness.runtimes.ort_genai:OrtGenAI"
EXPECTING = "tests.suites.expecting:Expecting"
RECIPES = {
    "fp32": Recipe("fp32", Role.REFERENCE, Precision.FP32),
    "int4": Recipe("int4", Role.CANDIDATE, Precision.INT4),
}
SUBJECTS = {name: Subject(it.role, it.precision, "sha256:0") for name, it in RECIPES.items()}


def judged(check, name, directories, factory=ENGINE, **stage):
    """Findings of one check of the suite on a variant, by rule."""
    handed_in = []
    variants = {
        it: Variant(recipe, directories[it], {}, "sha256:0")
        for it, recipe in RECIPES.items()
        if it in directories
    }
    parts = {"items": ITEMS, "plan": PLAN, "source": CHECKPOINT, "cache": CACHE, **stage}
    with Fleet(variants, factory, 60.0) as fleet:
        made = Stage(fleet, "fp32", environment="here", rules=POLICY.rules, **parts)
        check(Bench(made, name, "precision"), lambda *measured: handed_in.extend(measured))
    evidence = Evidence(
        "travel", SUBJECTS, "here", measurements=tuple(handed_in), has_source=bool(made.source)
    )
    found = judge_measurements(tuple(handed_in), name, evidence, POLICY)
    return {it.rule.removeprefix("precision."): it for it in found}


def failed(findings):
    return {rule for rule, it in findings.items() if it.outcome == "fail"}


def undecided(findings):
    return {rule for rule, it in findings.items() if it.outcome == "inconclusive" and it.decides}


@pytest.fixture
def changed(embedded, tmp_path):
    return shutil.copytree(embedded["int4"], tmp_path / "int4")


@pytest.fixture(scope="module")
def facts(embedded):
    """What the source says, asked once for all tests that only need its token ids."""
    pytest.importorskip("transformers")
    known = []
    found = judged(suite.test_source, "fp32", {"fp32": embedded["fp32"]}, facts=known)
    return known, found


def edit_tensors(folder, ending, edit):
    """Changes the initializers of a graph whose names end so, in place."""
    import onnx
    from onnx import numpy_helper

    path = folder / "model.onnx"
    model = onnx.load(path, load_external_data=False)
    chosen = [it for it in model.graph.initializer if it.name.endswith(ending)]
    assert chosen
    for tensor in chosen:
        values = numpy_helper.to_array(tensor, base_dir=str(folder)).copy()
        edit(values)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)


@pytest.mark.parametrize("name", ["int4", "fp32"])
def test_a_good_variant_passes_and_says_how_much_it_changed(embedded, name):
    found = judged(suite.test_precision, name, embedded, plan=PLAN)
    assert failed(found) == undecided(found) == set()
    assert found["perplexity"].measured == pytest.approx(1, abs=0.1)
    if name == "int4":
        order = ["kld_p50", "kld_p90", "kld_p95", "kld_p99", "kld_p99_9", "kld_maximum"]
        figures = [found[rule].measured for rule in order]
        assert figures == sorted(figures)
        assert 0 < figures[0] < found["kld"].measured < figures[-1]
        assert 0.8 < found["identical"].measured <= 1
        # The output layer's rows are rounded in the embedding too, which the control leaves alone.
        assert 0.9 < found["kld_to_control"].measured < 1.3
        assert abs(found["top1_to_control"].measured) < 1


def test_a_collapse_that_spares_the_first_token_is_found_over_whole_answers(embedded, changed):
    def zero(scales):
        scales[:] = 0

    edit_tensors(changed, "layers.0.mlp.down_proj.MatMul.weight_scales", zero)
    found = judged(suite.test_precision, "int4", {**embedded, "int4": changed})
    assert {"kld_to_control", "top1_to_control", "perplexity_to_control"} <= failed(found)
    assert "beside that of plain rounding at the same bits: " in found["kld_to_control"].reason
    assert found["first_difference"].measured >= 1


def blur_epsilon(folder, epsilon):
    """Normalizes as another model does: RMS epsilon of 1e-6 as the checkpoint has it, or not."""
    import onnx

    path = folder / "model.onnx"
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "epsilon":
                attribute.f = epsilon
    onnx.save(model, path)


@pytest.mark.parametrize("epsilon", [1e-2, 1e-1])
def test_a_loss_that_a_constant_would_allow_is_many_times_the_controls(embedded, changed, epsilon):
    blur_epsilon(changed, epsilon)
    found = judged(suite.test_precision, "int4", {**embedded, "int4": changed})
    assert {"kld_to_control", "text_kld_to_control"} & failed(found)
    assert min(found[it].measured for it in ("kld_to_control", "text_kld_to_control")) > 1.6
    if epsilon < 0.05:
        assert found["kld"].measured < 0.12  # the constant


@pytest.mark.parametrize("size", [4096, 1024])
def test_a_hole_of_zeros_is_beyond_what_its_bits_explain(embedded, changed, size):
    weight_damage.punch_hole(changed, size=size)
    found = judged(suite.test_precision, "int4", {**embedded, "int4": changed})
    assert "kld_to_control" in failed(found)


def test_without_a_control_nothing_is_held_against_it_and_it_says_why(embedded):
    found = judged(suite.test_precision, "int4", embedded, cache=None)
    assert {"kld_to_control", "text_top1_to_control"} <= undecided(found)
    assert "no folder to keep a control in" in found["kld_to_control"].reason
    assert found["kld"].measured > 0


def test_logits_that_are_no_numbers_fail_and_are_in_no_other_figure(embedded, changed):
    def break_one(scales):
        scales.reshape(-1)[7] = np.nan

    edit_tensors(changed, "lm_head.MatMul.weight_scales", break_one)
    found = judged(suite.test_precision, "int4", {**embedded, "int4": changed})
    assert "finite" in failed(found)
    assert "kld_to_control" in undecided(found)


def test_without_one_vocabulary_nothing_is_compared(embedded, changed):
    damage.forget_merges(changed)
    found = judged(suite.test_precision, "int4", {**embedded, "int4": changed})
    assert failed(found) == {"vocabulary"}
    assert "its vocabulary and the reference's at " in found["vocabulary"].reason
    assert {"kld_to_control", "finite", "perplexity_to_control"} <= undecided(found)
    assert "nothing to compare" in found["kld_to_control"].reason


def test_a_text_that_the_release_names_is_what_perplexity_is_of(tmp_path):
    for name, doubt in (("fp32", 0.0), ("int4", 0.5)):
        (tmp_path / name).mkdir()
        document = {"model": {"context_length": 512}}
        (tmp_path / name / "genai_config.json").write_text(json.dumps(document))
        (tmp_path / name / "expecting.json").write_text(json.dumps({"doubt": doubt}))
    directories = {name: tmp_path / name for name in ("fp32", "int4")}
    plan = Plan(precision_items=30, precision_windows=4)
    text = "abcdefghijklmnopqrstuvwxyz" * 100
    found = judged(suite.test_precision, "int4", directories, EXPECTING, plan=plan, text=text)
    other = judged(suite.test_precision, "int4", directories, EXPECTING, plan=plan)

    def lost(steps, logit):  # where the next letter comes, and where the alphabet begins again
        expected = np.log(np.exp(logit) + 256)
        return expected - logit * steps

    assert found["perplexity"].measured == pytest.approx(np.exp(lost(25 / 26, 4.5)), rel=0.02)
    ratio = np.exp(lost(25 / 26, 4.5) - lost(25 / 26, 5.0))
    assert found["perplexity_ratio"].measured == pytest.approx(ratio, rel=0.01)
    assert other["perplexity"].measured > 10 * found["perplexity"].measured
    assert found["kld"].measured == other["kld"].measured


@pytest.mark.parametrize(("begins", "starts"), [(1, True), (7, False)])
def test_windows_of_a_text_begin_as_prompts_do_even_where_nothing_is_generated(
    tmp_path, begins, starts
):
    document = {"model": {"context_length": 512, "bos_token_id": 1}}
    (tmp_path / "genai_config.json").write_text(json.dumps(document))
    fleet = SimpleNamespace(
        variant=lambda name: SimpleNamespace(directory=tmp_path),
        render=lambda name, chats: [f"<{chat[-1][1]}" for chat in chats],
        encode=lambda name, texts: [
            [begins] * text.startswith("<") + list(text.encode()) for text in texts
        ],
    )
    bench = SimpleNamespace(
        text="abc" * 1000,
        reference="fp32",
        items=ITEMS,
        fleet=fleet,
        plan=Plan(precision_windows=3),
    )
    windows = readings._windows(bench, 512)
    assert len(windows) == 3
    assert all((window.token_ids[0] == 1) is starts for window in windows)


def test_the_reference_is_the_source_but_for_what_the_engine_is_known_to_do(facts):
    found = facts[1]
    assert failed(found) == undecided(found) == set()
    assert found["source_kld"].measured < 1e-9
    assert found["source_logits"].measured < 1e-5
    assert found["source_answers"].measured < 1e-3
    assert found["source_normalizer"].outcome == "waived"
    assert "accents taken apart" in found["source_normalizer"].reason


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        (damage.speak_phi_3, "one question"),
        (damage.double_start, "one question"),
        (damage.drop_start, "one question"),
        (damage.forget_merges, "spaces"),
    ],
)
def test_another_template_or_tokenizer_reads_other_tokens_than_the_source(
    embedded, changed, facts, plant, named
):
    plant(changed)
    directories = {**embedded, "int4": changed}
    found = judged(suite.test_source, "int4", directories, facts=facts[0])
    assert failed(found) == {"source_ids"}
    assert f"not the source model's at {named}, " in found["source_ids"].reason


def test_a_fault_of_the_export_is_found_though_candidates_agree_with_it(
    embedded, changed, tmp_path
):
    def blur(weights):
        weights *= 1 + np.random.default_rng(1).normal(0, 0.02, weights.shape).astype(np.float32)

    export = shutil.copytree(embedded["fp32"], tmp_path / "fp32")
    edit_tensors(export, "layers.1.mlp.down_proj.MatMul.weight", blur)
    directories = {"fp32": export, "int4": export}
    beside = judged(suite.test_precision, "int4", directories)
    assert failed(beside) == undecided(beside) == set()
    found = judged(suite.test_source, "fp32", directories)
    assert failed(found) == {"source_logits"}
    assert "the export changed the model" in found["source_logits"].reason


def test_what_cannot_be_asked_is_said_once_and_leaves_nothing_measured(embedded):
    missing = [InfrastructureError("the source model needs torch and transformers")]
    with pytest.raises(InfrastructureError, match="needs torch and transformers"):
        judged(suite.test_source, "int4", embedded, facts=missing)


def test_a_release_without_a_source_is_not_asked_for_one_and_is_told_so(embedded):
    found = judged(suite.test_source, "fp32", embedded, source=None)
    assert set(found) == undecided(found) == {"source_ids"}
    assert found["source_ids"].reason.endswith("not applied, the release names no [model]")
