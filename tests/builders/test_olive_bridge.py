import pytest

from harness.builders.olive_bridge import key_value_options
from harness.errors import BuildError


def test_options_get_the_names_that_genai_reads() -> None:
    options = {
        "filename": "model.onnx",
        "int4_block_size": 128,
        "int4_is_symmetric": False,
        "int4_accuracy_level": 4,
        "int4_algo_config": "k_quant",
        "int4_op_types_to_quantize": ["MatMul", "Gather"],
        "int4_nodes_to_exclude": ["/lm_head/MatMul", "/a"],
    }

    assert key_value_options(options) == [
        "filename=model.onnx",
        "block_size=128",
        "is_symmetric=false",
        "accuracy_level=4",
        "algo_config=k_quant",
        "op_types_to_quantize=MatMul/Gather",
        "nodes_to_exclude=/lm_head/MatMul,/a",
    ]


def test_an_option_that_genai_would_ignore_is_refused() -> None:
    with pytest.raises(BuildError, match="int4_new_thing"):
        key_value_options({"int4_new_thing": 1})
