"""Names of onnxruntime-genai's builder beside those of checkpoints of several families."""

import pytest

from harness.metrics.weight_names import Piece, lacking, layer_of, names_of, shown, unknown

LLAMA = {
    "model.embed_tokens.weight": (100, 16),
    "model.norm.weight": (16,),
    **{
        f"model.layers.{i}.{name}": shape
        for i in range(2)
        for name, shape in {
            "input_layernorm.weight": (16,),
            "self_attn.q_proj.weight": (16, 16),
            "self_attn.q_proj.bias": (16,),
            "self_attn.k_proj.weight": (8, 16),
            "self_attn.k_proj.bias": (8,),
            "self_attn.v_proj.weight": (8, 16),
            "self_attn.v_proj.bias": (8,),
            "self_attn.q_norm.weight": (4,),
            "mlp.gate_proj.weight": (24, 16),
            "mlp.up_proj.weight": (24, 16),
            "mlp.down_proj.weight": (16, 24),
        }.items()
    },
}
PHI = {
    "lm_head.weight": (100, 16),
    "model.embed_tokens.weight": (100, 16),
    "model.layers.0.self_attn.qkv_proj.weight": (32, 16),
    "model.layers.0.mlp.gate_up_proj.weight": (48, 16),
}


def pieces(shapes, name, rows):
    return [(it.name, it.first, it.end) for it in names_of(shapes).pieces(name, rows)]


@pytest.mark.parametrize(
    ("name", "rows", "source"),
    [
        (
            "model.layers.1.mlp.down_proj.MatMul.weight_Q4",
            16,
            "model.layers.1.mlp.down_proj.weight",
        ),
        ("model.layers.1.mlp.up_proj.MatMul.weight_Q8G32", 24, "model.layers.1.mlp.up_proj.weight"),
        ("model.layers.0.mlp.up_proj.MatMulNBits.qweight", 24, "model.layers.0.mlp.up_proj.weight"),
        ("model.layers.0.mlp.up_proj.MatMul.weight", 24, "model.layers.0.mlp.up_proj.weight"),
        ("model.layers.0.attn.q_proj.Add.bias", 16, "model.layers.0.self_attn.q_proj.bias"),
        (
            "model.layers.0.attn.q_norm.layernorm.weight",
            4,
            "model.layers.0.self_attn.q_norm.weight",
        ),
        ("model.layers.0.input_layernorm.weight", 16, "model.layers.0.input_layernorm.weight"),
        ("model.layers.2.final_norm_layernorm.weight", 16, "model.norm.weight"),
        ("model.embed_tokens.weight", 100, "model.embed_tokens.weight"),
        ("lm_head.MatMul.weight_Q4", 100, "model.embed_tokens.weight"),
    ],
)
def test_a_tensor_of_the_builder_is_found_in_the_checkpoint(name, rows, source):
    assert pieces(LLAMA, name, rows) == [(source, 0, rows)]


def test_an_output_layer_of_its_own_is_not_the_embedding():
    assert pieces(PHI, "lm_head.MatMul.weight", 100) == [("lm_head.weight", 0, 100)]


def test_what_the_graph_has_in_one_is_put_together():
    found = names_of(LLAMA).pieces("model.layers.1.attn.qkv_proj.MatMul.weight_Q4", 32)
    assert [it.name[-13:] for it in found] == ["q_proj.weight", "k_proj.weight", "v_proj.weight"]
    assert [it.end for it in found] == [16, 8, 8]
    bias = names_of(LLAMA).pieces("model.layers.1.attn.qkv_proj.Add.bias", 32)
    assert [it.name[-11:] for it in bias] == ["q_proj.bias", "k_proj.bias", "v_proj.bias"]


def test_what_the_checkpoint_has_in_one_is_taken_apart():
    qkv, fused = (
        "model.layers.0.self_attn.qkv_proj.weight",
        "model.layers.0.mlp.gate_up_proj.weight",
    )
    assert pieces(PHI, "model.layers.0.attn.qkv_proj.MatMul.weight", 32) == [(qkv, 0, 32)]
    assert pieces(PHI, "model.layers.0.attn.q_proj.MatMul.weight", 16) == [(qkv, 0, 16)]
    assert pieces(PHI, "model.layers.0.attn.k_proj.MatMul.weight", 8) == [(qkv, 16, 24)]
    assert pieces(PHI, "model.layers.0.attn.v_proj.MatMul.weight", 8) == [(qkv, 24, 32)]
    assert pieces(PHI, "model.layers.0.mlp.gate_proj.MatMul.weight", 24) == [(fused, 0, 24)]
    assert pieces(PHI, "model.layers.0.mlp.up_proj.MatMul.weight", 24) == [(fused, 24, 48)]


@pytest.mark.parametrize("name", ["onnx::MatMul_123", "model.layers.7.mlp.up_proj.MatMul.weight"])
def test_an_unknown_name_or_another_number_of_rows_is_nothing(name):
    assert pieces(LLAMA, name, 24) == []
    assert pieces(LLAMA, "model.layers.0.mlp.up_proj.MatMul.weight", 25) == []


def test_a_text_model_is_told_from_the_vision_tower_beside_it():
    name = "layers.0.mlp.up_proj.weight"
    shapes = {f"model.{part}.{name}": (24, 16) for part in ("vision_tower", "language_model")}
    [piece] = names_of(shapes).pieces("model.layers.0.mlp.up_proj.MatMul.weight", 24)
    assert piece == Piece(f"model.language_model.{name}", 0, 24)


def test_a_layer_that_is_left_out_is_told_from_kinds_that_are_not_there():
    shapes = {**LLAMA, "model.vision.patch.weight": (3, 3), "model.rotary_emb.inv_freq": (4,)}
    used = {name for name in LLAMA if "layers.1.mlp" not in name}
    assert [name[15:] for name in lacking(shapes, used)] == [
        "mlp.gate_proj.weight",
        "mlp.up_proj.weight",
        "mlp.down_proj.weight",
    ]
    assert unknown(shapes, used) == ("model.vision.patch.weight",)


def test_tied_weights_are_one():
    assert unknown({**PHI}, set(PHI) - {"lm_head.weight"}) == ()


def test_names_are_shown_without_how_they_are_stored():
    assert shown("model.layers.1.mlp.down_proj.MatMul.weight_Q4") == "model.layers.1.mlp.down_proj"
    assert shown("model.layers.1.attn.qkv_proj.Add.bias") == "model.layers.1.attn.qkv_proj.bias"
    assert (layer_of("/model/layers.12/mlp/x"), layer_of("lm_head.weight")) == ("12", "")
