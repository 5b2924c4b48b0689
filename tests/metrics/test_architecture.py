"""What is compared of two graphs, and of a graph and a configuration; real ones are elsewhere
(`tests/probes/test_package.py`, `tests/builders/test_families.py`).
"""

from dataclasses import replace

import numpy as np
import pytest

from harness.metrics.architecture import (
    Attention,
    Graph,
    Norm,
    compare_attributes,
    compare_graphs,
    compare_rotations,
)
from harness.metrics.model_config import computation
from harness.metrics.rotary import Cache, angles

CONFIG = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-6,
}
SOURCE = computation(CONFIG)


def cosines_and_sines(source=SOURCE):
    [way] = angles(source.layers[0].rotation)
    turned = np.outer(np.arange(4096), way.frequencies)
    return Cache("cos_cache", np.cos(turned), np.sin(turned))


NODE = Attention("attention", 4, 2, 0.25, 0, 0.0, ("cos_cache",), is_turned=True)
GRAPH = Graph((NODE,) * 3, (Norm("norm", 1e-6),), {"cos_cache": cosines_and_sines()})


def changed(**fields):
    """The second of three layers otherwise."""
    return replace(GRAPH, attentions=(NODE, replace(NODE, **fields), NODE))


def test_a_graph_as_its_source_says_has_no_difference():
    for compare in (compare_attributes, compare_rotations):
        found = compare(GRAPH, SOURCE, 4096)
        assert (found.differences, found.absence) == ((), "")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"scale": 0.5}, "attention scale 0.5 in attention, 0.25 by the source's config.json"),
        ({"window": 100}, "attention window 100 in attention, all tokens by the source's"),
        ({"heads": 8}, "attention heads 8 in attention, 4 by"),
    ],
)
def test_one_layer_that_differs_is_named(fields, sentence):
    [found] = compare_attributes(changed(**fields), SOURCE, 4096).differences
    assert found.startswith(sentence)
    [beside] = compare_graphs(changed(**fields), GRAPH).differences
    assert beside.endswith("in the reference")


def test_a_scale_that_is_not_stated_is_that_of_the_heads_size():
    assert compare_attributes(changed(scale=0.0), SOURCE, 4096).differences == ()


def test_a_window_may_count_the_token_itself_or_not():
    source = computation({**CONFIG, "model_type": "mistral", "sliding_window": 512})
    for window, count in ((511, 0), (512, 0), (513, 0), (500, 1)):
        graph = replace(GRAPH, attentions=(replace(NODE, window=window),) * 3)
        assert len(compare_attributes(graph, source, 4096).differences) == count


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"is_turned": False}, "attention does not turn queries by position"),
        ({"is_interleaved": True}, "attention turns neighbours in place of halves"),
    ],
)
def test_a_layer_that_turns_queries_otherwise_is_named(fields, sentence):
    [found] = compare_rotations(changed(**fields), SOURCE, 4096).differences
    assert found.startswith(sentence)


def test_what_an_operator_does_not_tell_is_said_not_to_be_known():
    found = compare_rotations(changed(is_turned=None, caches=()), SOURCE, 4096)
    assert found.differences == ()
    assert found.unknown == ("how attention turns queries is not known here",)
    assert found.absence == found.unknown[0]  # the other layers say nothing of it
    both = replace(
        GRAPH,
        attentions=(replace(NODE, is_turned=None, caches=()), replace(NODE, is_turned=False), NODE),
    )
    assert len(compare_rotations(both, SOURCE, 4096).differences) == 1


def test_a_scaling_that_is_not_known_is_no_difference():
    scaled = computation({**CONFIG, "rope_scaling": {"type": "dynamic", "factor": 2.0}})
    found = compare_rotations(GRAPH, scaled, 4096)
    assert found.differences == ()
    assert found.absence.startswith("how attention turns queries is not known here (dynamic)")


def test_a_graph_with_other_operators_is_not_compared():
    found = compare_attributes(Graph(), SOURCE, 4096)
    assert found.absence == (
        "the graph has 0 attention operators that are known here, the source 3 layers"
    )
    assert compare_rotations(Graph(), SOURCE, 4096).absence
    assert compare_graphs(Graph(), GRAPH).absence


def test_caps_of_logits_and_epsilons_are_compared():
    odd = replace(GRAPH, norms=(Norm("one", 1e-6), Norm("two", 1e-2)), final_softcap=30.0)
    found = compare_attributes(odd, SOURCE, 4096).differences
    assert found[0].startswith("epsilon of norms 0.01 in two, 1e-06 by")
    assert found[1].startswith("cap of logits 30 in the output, none by")
    assert len(compare_graphs(odd, GRAPH).differences) == 2
