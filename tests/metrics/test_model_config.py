"""Both dialects of a configuration mean the same, and every family what it means."""

import pytest

from harness.metrics.model_config import computation

SHAPE = {
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-6,
}


def read(family, **fields):
    return computation({"model_type": family, **SHAPE, **fields})


def windows(found):
    return [it.window for it in found.layers]


SCALING = {"factor": 8.0, "original_max_position_embeddings": 1024}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            ("llama", {"rope_theta": 5e5, "rope_scaling": None}),
            ("llama", {"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}}),
        ),
        (
            ("llama", {}),
            ("llama", {"rope_parameters": {"rope_theta": 1e4, "rope_type": "default"}}),
        ),
        (
            (
                "gemma3_text",
                {"rope_theta": 1e6, "rope_local_base_freq": 1e4, "sliding_window": 512},
            ),
            (
                "gemma3_text",
                {
                    "rope_parameters": {
                        "full_attention": {"rope_theta": 1e6, "rope_type": "default"},
                        "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"},
                    },
                    "sliding_window": 512,
                },
            ),
        ),
        (
            ("phi3", {"rope_theta": 1e4, "rope_scaling": {"type": "su", **SCALING}}),
            (
                "phi3",
                {"rope_parameters": {"rope_theta": 1e4, "rope_type": "longrope", **SCALING}},
            ),
        ),
    ],
    ids=["a base", "no base", "two bases", "a scaling"],
)
def test_what_transformers_4_and_5_write_is_the_same(old, new):
    for one, other in zip(
        read(old[0], **old[1]).layers, read(new[0], **new[1]).layers, strict=True
    ):
        assert one.window == other.window
        for key in ("base", "dimensions", "context", "kind", "original"):
            assert getattr(one.rotation, key) == getattr(other.rotation, key)


@pytest.mark.parametrize(
    ("family", "fields", "expected"),
    [
        ("llama", {"sliding_window": 512}, [0, 0, 0, 0]),
        ("mistral", {"sliding_window": 512}, [512] * 4),
        ("mistral", {"sliding_window": None}, [0] * 4),
        ("phi3", {"sliding_window": 2047}, [2047] * 4),
        ("qwen2", {"sliding_window": 512, "use_sliding_window": False}, [0] * 4),
        (
            "qwen2",
            {"sliding_window": 512, "use_sliding_window": True, "max_window_layers": 3},
            [0, 0, 0, 512],
        ),
        ("gemma2", {"sliding_window": 512}, [512, 0, 512, 0]),
        ("gemma3_text", {"sliding_window": 512, "sliding_window_pattern": 3}, [512, 512, 0, 512]),
        (
            "qwen3",
            {"sliding_window": 512, "layer_types": ["full_attention", "sliding_attention"] * 2},
            [0, 512, 0, 512],
        ),
    ],
)
def test_which_layers_look_back_how_far(family, fields, expected):
    assert windows(read(family, **fields)) == expected


@pytest.mark.parametrize(
    ("family", "fields", "expected"),
    [
        ("llama", {}, 16**-0.5),
        ("llama", {"head_dim": 64}, 64**-0.5),
        ("qwen3", {}, 128**-0.5),
        ("gemma3_text", {"query_pre_attn_scalar": 168}, 168**-0.5),
        ("granite", {"attention_multiplier": 0.0078125}, 0.0078125),
    ],
)
def test_what_scores_are_multiplied_with(family, fields, expected):
    assert read(family, **fields).scale == pytest.approx(expected)


def test_a_text_model_among_others_is_the_one_that_is_read():
    text = {"model_type": "qwen2", **SHAPE}
    found = computation({"model_type": "qwen2_vl", "text_config": text, "vision_config": {}})
    assert (found.family, found.is_known, found.heads) == ("qwen2", True, 4)


def test_layers_that_do_not_turn_queries_are_told():
    found = read("smollm3", no_rope_layers=[1, 1, 1, 0])
    assert [it.rotation is not None for it in found.layers] == [True, True, True, False]
    assert found.layers[0].rotation.base == 2e6


def test_caps_and_an_epsilon_are_read_and_nonsense_is_not():
    found = read("gemma2", attn_logit_softcapping=50.0, final_logit_softcapping=30.0)
    assert (found.softcap, found.final_softcap, found.epsilon) == (50.0, 30.0, 1e-6)
    broken = read("gemma2", attn_logit_softcapping="x", rms_norm_eps=True, num_attention_heads="4")
    assert (broken.softcap, broken.epsilon, broken.heads) == (0.0, None, None)
    assert computation({}).layers == ()
