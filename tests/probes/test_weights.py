"""Real builds beside their source, each with what was planted in it; no inference."""

import json
import shutil
from functools import partial

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file

from harness.probes.weights import compare_weights
from harness.release import Algorithm
from harness.store import read_policy
from tests import damage, weight_damage
from tests.conftest import ROOT
from tests.weight_damage import SCALES, WEIGHTS, edit, layers

SOURCE = ROOT / "fixtures" / "travel" / "model"


RULES = {it.id: it for it in read_policy(ROOT / "fixtures" / "policies" / "gate.toml").rules}


def worst(found):
    return max(found.fits, key=lambda fit: (fit.off, largest(fit)))


def largest(fit):
    return float(fit.errors.max())


def refused(found):
    """Which of the gate's rules a comparison breaks."""
    sizes = [fit.sizes for fit in found.fits if fit.sizes]
    figures = {
        "off": [fit.off for fit in found.fits],
        "typical": [fit.middle for fit in found.fits],
        "factor": [it.factor for it in sizes],
        "rows": [it.lost_rows for it in sizes],
        "lost": [it.lost for it in sizes],
    }
    limits = {name: RULES[f"precision.weights_{name}"].at_most for name in figures}
    return {name for name, them in figures.items() if max(them) > limits[name]}


def middle(found):
    return max(found.fits, key=lambda fit: fit.middle)


@pytest.fixture
def folder(embedded, tmp_path):
    return shutil.copytree(embedded["int4"], tmp_path / "damaged")


@pytest.fixture
def source(tmp_path):
    return shutil.copytree(SOURCE, tmp_path / "source")


@pytest.mark.parametrize("name", ["fp32", "int8", "int4"])
def test_a_clean_build_is_its_source_rounded(embedded, name):
    found = compare_weights(embedded[name], SOURCE, Algorithm.RTN)
    assert (found.lacking, found.remarks, found.absence) == ((), (), "")
    assert len(found.fits) == len({fit.name for fit in found.fits}) >= 27
    assert largest(worst(found)) < 1.6
    assert middle(found).middle < 1.05
    assert refused(found) == set()


@pytest.mark.parametrize(
    ("plant", "place"),
    [
        (weight_damage.zero_scales, "layers.0.mlp.down_proj, where 4,096 of 4,096 blocks"),
        (weight_damage.zero_blocks, "layers.1.mlp.down_proj, where 64 of 4,096 blocks"),
        (weight_damage.spoil_logits, "lm_head, where 1 of 16,384 blocks (row 1024) is"),
        (weight_damage.overflow, "layers.1.mlp.down_proj, where 1 of 4,096 blocks"),
        (weight_damage.punch_hole, "layers.1.attn.qkv_proj, where 1,024 of 4,096 blocks"),
        (
            weight_damage.swap_rows,
            "layers.1.mlp.down_proj, where 32 of 4,096 blocks (rows 3 to 200)",
        ),
        (weight_damage.flip_exponent, "layers.1.mlp.down_proj, where 1 of 4,096 blocks"),
        (weight_damage.shift_rows, "lm_head, where 14,789 of 16,384 blocks"),
        (weight_damage.shift_zero_points, "layers.1.mlp.down_proj, where 4,096 of 4,096 blocks"),
        (weight_damage.swap_nibbles, "layers.1.mlp.down_proj, where 4,096 of 4,096 blocks"),
        (weight_damage.scramble_block, "lm_head, where 2 of 16,384 blocks (row 1500) are"),
        (weight_damage.forget_norm, "layers.1.input_layernorm, where"),
        (weight_damage.forget_bias, "layers.1.attn.qkv_proj.bias, where"),
        (weight_damage.repeat_layer, "layers.1.mlp.up_proj, where 4,096 of 4,096 blocks"),
        (damage.blur_rope, "cos_cache and sin_cache, where 3,584 of 4,096 blocks"),
    ],
)
def test_damage_is_named_with_its_tensor_and_blocks(folder, plant, place):
    plant(folder)
    found = compare_weights(folder, SOURCE, Algorithm.RTN)
    assert refused(found)
    assert largest(worst(found)) > 3.5
    assert place in worst(found).label


@pytest.mark.parametrize(
    "plant", [weight_damage.requantize_to_3_bits, weight_damage.enlarge_scales]
)
def test_what_is_wrong_everywhere_shows_in_the_middle(folder, plant):
    plant(folder)
    assert middle(compare_weights(folder, SOURCE, None)).middle > 1.55


@pytest.mark.parametrize("at", np.linspace(0, 0.99, 12))
@pytest.mark.parametrize("name", ["fp32", "int8", "int4"])
def test_a_hole_is_seen_wherever_it_is(embedded, tmp_path, name, at):
    folder = shutil.copytree(embedded[name], tmp_path / "damaged")
    weight_damage.punch_hole(folder, at)
    found = compare_weights(folder, SOURCE, None)
    assert refused(found)
    assert largest(worst(found)) > 10


def test_compensated_weights_may_be_further_off_but_not_gone(folder):
    random = np.random.default_rng(0)

    def other_levels(packed):
        levels = np.stack([packed & 15, packed >> 4]).astype(np.int16)
        levels = np.clip(levels + random.choice([-1, 0, 0, 0, 1], levels.shape), 0, 15)
        return (levels[0] | levels[1] << 4).astype(np.uint8)

    for name in layers(folder):
        edit(folder, name, WEIGHTS, other_levels)
    plain = compare_weights(folder, SOURCE, Algorithm.RTN)
    assert {"off", "typical"} <= refused(plain)
    assert refused(compare_weights(folder, SOURCE, Algorithm.GPTQ)) == set()
    weight_damage.zero_blocks(folder)
    assert "lost" in refused(compare_weights(folder, SOURCE, Algorithm.GPTQ))


def test_awq_hides_factors_of_channels_and_says_what_it_cannot_compare(folder, source):
    weights = load_file(source / "model.safetensors")
    name = "model.layers.1.mlp.down_proj.weight"
    factors = np.random.default_rng(0).uniform(0.5, 2, weights[name].shape[1])
    weights[name] = (weights[name] * factors).astype(np.float16)
    save_file(weights, source / "model.safetensors")
    assert "off" in refused(compare_weights(folder, source, Algorithm.RTN))
    found = compare_weights(folder, source, Algorithm.AWQ)
    assert refused(found) == set()
    [remark] = found.remarks
    assert remark.startswith("not compared with the source: 10 of the variant's tensors, ")
    weight_damage.zero_blocks(folder)
    assert "lost" in refused(compare_weights(folder, source, Algorithm.AWQ))


@pytest.mark.parametrize("algorithm", [None, Algorithm.GPTQ, Algorithm.AWQ])
def test_one_zeroed_block_is_let_pass_which_nobody_can_tell(folder, algorithm):
    weight_damage.zero_one_block(folder)
    assert refused(compare_weights(folder, SOURCE, algorithm)) == set()


def one_block_of_a_row(scales):
    """The block of the row with the largest scale: the most of it that one block can be."""
    scales = scales.reshape(256, -1)
    scales[100, scales[100].argmax()] = 0
    return scales.reshape(-1)


@pytest.mark.parametrize("algorithm", [Algorithm.GPTQ, Algorithm.AWQ, Algorithm.HQQ])
@pytest.mark.parametrize("factor", [0.0, 0.5, 1.5])
def test_one_whole_row_is_no_single_block_whatever_the_label(folder, algorithm, factor):
    edit(folder, weight_damage.DOWN, SCALES, one_block_of_a_row)
    assert refused(compare_weights(folder, SOURCE, algorithm)) == set()
    weight_damage.zero_rows(folder, 1, factor)
    assert "rows" in refused(compare_weights(folder, SOURCE, algorithm))


def another(folder, seed):
    """Levels of another checkpoint, the scales being of the same size."""
    random = np.random.default_rng(seed)
    for name in layers(folder):
        edit(folder, name, WEIGHTS, lambda packed: random.permuted(packed.reshape(-1)))


@pytest.mark.parametrize("algorithm", [Algorithm.GPTQ, Algorithm.AWQ])
@pytest.mark.parametrize(
    ("plant", "rules"),
    [
        (partial(another, seed=1), {"factor", "rows", "lost"}),
        (partial(weight_damage.repeat_layer, kind="attn/o_proj"), {"rows", "lost"}),
        (weight_damage.repeat_layer, {"factor", "rows", "lost"}),
        (partial(weight_damage.enlarge_scales, factor=1.03), {"factor"}),
        (partial(weight_damage.enlarge_scales, factor=0.9), {"factor"}),
        (partial(weight_damage.zero_rows, count=2), {"rows"}),
        (partial(weight_damage.zero_rows, count=40), {"rows", "lost"}),
        (partial(weight_damage.zero_rows, count=2, factor=1.5), {"rows"}),
        (weight_damage.zero_blocks, {"lost"}),
        (partial(weight_damage.zero_blocks, count=400), {"lost", "factor"}),
        (weight_damage.flip_exponent, {"lost"}),
        (weight_damage.overflow, {"off"}),
        (weight_damage.punch_hole, {"lost"}),
        (weight_damage.swap_rows, {"rows"}),
        (weight_damage.requantize_to_3_bits, {"factor"}),
    ],
)
def test_a_label_that_moves_errors_about_hides_no_damage(folder, algorithm, plant, rules):
    plant(folder)
    assert rules <= refused(compare_weights(folder, SOURCE, algorithm))


@pytest.mark.parametrize("deviation", [0.02, 0.05])
def test_noise_beyond_what_eight_bits_cost_is_refused_whatever_the_label(
    embedded, tmp_path, deviation
):
    folder = shutil.copytree(embedded["int8"], tmp_path / "damaged")
    weight_damage.blur_scales(folder, deviation)
    for algorithm in (None, Algorithm.GPTQ, Algorithm.AWQ):
        assert "typical" in refused(compare_weights(folder, SOURCE, algorithm))


def renamed(folder, names):
    path = folder / "model.onnx"
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        new = names(tensor.name)
        for node in model.graph.node:
            node.input[:] = [new if it == tensor.name else it for it in node.input]
        tensor.name = new
    onnx.save(model, path)


def test_unknown_names_are_matched_by_shape_and_content(embedded, tmp_path):
    folder = shutil.copytree(embedded["fp32"], tmp_path / "renamed")
    apart = ("qkv", "cos_cache", "sin_cache")
    renamed(folder, lambda name: name if any(it in name for it in apart) else f"val_{hash(name)}")
    found = compare_weights(folder, SOURCE, None)
    assert (found.lacking, found.remarks, len(found.fits)) == ((), (), 27)
    assert largest(worst(found)) < 1


def test_a_tensor_that_matches_nothing_is_named(embedded, tmp_path):
    folder = shutil.copytree(embedded["fp32"], tmp_path / "odd")
    path = folder / "model.onnx"
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer.append(numpy_helper.from_array(np.ones((7, 9), np.float32), "odd"))
    onnx.save(model, path)
    [remark] = compare_weights(folder, SOURCE, None).remarks
    assert remark == "not compared with the source: 1 of the variant's tensors, odd"


def test_a_source_of_another_shape_leaves_nothing_to_conclude(folder, source):
    weights = load_file(source / "model.safetensors")
    save_file({name: it[..., :-8] for name, it in weights.items()}, source / "model.safetensors")
    found = compare_weights(folder, source, None)
    assert found.absence.startswith("only 0 % of the weights have a known source; without one: 26 ")
    assert found.fits == ()


def test_a_layer_of_the_source_that_the_variant_lacks_is_named(folder, source):
    weights = load_file(source / "model.safetensors")
    more = {
        k.replace("layers.2", "layers.3"): it + 1 for k, it in weights.items() if "layers.2" in k
    }
    save_file({**weights, **more}, source / "model.safetensors")
    found = compare_weights(folder, source, None)
    assert len(found.lacking) == 12
    assert all(".layers.3." in name for name in found.lacking)


def test_a_bias_of_zeros_may_be_left_out(embedded, source):
    weights = load_file(source / "model.safetensors")
    weights["model.layers.1.mlp.down_proj.bias"] = np.zeros(256, np.float16)
    save_file(weights, source / "model.safetensors")
    found = compare_weights(embedded["int4"], source, None)
    assert (found.lacking, found.remarks) == ((), ())
    weights["model.layers.3.self_attn.q_proj.bias"] = np.zeros(256, np.float16)
    save_file(weights, source / "model.safetensors")
    assert compare_weights(embedded["int4"], source, None).lacking == ()
    weights["model.layers.1.mlp.down_proj.bias"][7] = 1
    save_file(weights, source / "model.safetensors")
    [remark] = compare_weights(embedded["int4"], source, None).remarks
    assert remark == (
        "of a kind that the variant has not: 1 of the source's tensors, "
        "model.layers.1.mlp.down_proj.bias"
    )


def test_a_folder_without_a_graph_leaves_nothing_to_conclude(tmp_path):
    found = compare_weights(tmp_path, SOURCE, None)
    assert found.absence == "the variant has no graph with weights in it"


def test_without_a_source_there_is_nothing_to_compare_with(folder, tmp_path):
    assert compare_weights(folder, None, None).absence == "the release names no [model]"
    (tmp_path / "pickled").mkdir()
    absence = compare_weights(folder, tmp_path / "pickled", None).absence
    assert absence == "the source checkpoint has no safetensors to compare with"


def test_the_1_that_some_norms_are_stored_with_is_no_error(folder, source):
    weights = load_file(source / "model.safetensors")
    shifted = {name: it.astype(np.float32) - ("norm" in name) for name, it in weights.items()}
    save_file(shifted, source / "model.safetensors")
    (source / "config.json").write_text(json.dumps({"dtype": "float32"}))
    assert largest(worst(compare_weights(folder, source, None))) < 1.6


def test_a_source_that_is_loaded_in_half_precision_explains_its_rounding(embedded, source):
    weights = load_file(source / "model.safetensors")
    wide = {name: it.astype(np.float32) * np.float32(1.0001) for name, it in weights.items()}
    save_file(wide, source / "model.safetensors")
    (source / "config.json").write_text(json.dumps({"dtype": "float16"}))
    assert largest(worst(compare_weights(embedded["fp32"], source, None))) < 1
    (source / "config.json").write_text(json.dumps({"dtype": "float32"}))
    assert largest(worst(compare_weights(embedded["fp32"], source, None))) > 100
