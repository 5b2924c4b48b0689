from dataclasses import replace
from pathlib import Path

import pytest

from harness.metrics import packaging
from harness.metrics.packaging import Folder, Tensor
from harness.release import Algorithm, Precision, Role
from harness.variant import Quantization, Recipe

IM_START, IM_END, END_OF_TEXT, THINK, LINE_END = 1, 2, 0, 3, 198


def folder(model=None, tokenizer=None, source=None, files=None):
    documents = {
        "genai_config.json": {
            "model": {
                "eos_token_id": IM_END,
                "context_length": 4096,
                "vocab_size": 512,
                "decoder": {"filename": "model.onnx"},
                **(model or {}),
            },
            "search": {"max_length": 4096},
        },
        "tokenizer_config.json": {"eos_token": "<|im_end|>", **(tokenizer or {})},
        "tokenizer.json": {
            "added_tokens": [
                {"content": "<|endoftext|>", "id": END_OF_TEXT, "special": True},
                {"content": "<|im_start|>", "id": IM_START, "special": True},
                {"content": "<|im_end|>", "id": IM_END, "special": True},
            ]
        },
        "source/config.json": {
            "max_position_embeddings": 4096,
            "vocab_size": 512,
            "eos_token_id": IM_END,
            **(source or {}),
        },
    }
    sizes = dict.fromkeys([*packaging.REQUIRED_FILES, "model.onnx", "chat_template.jinja"], 10)
    return Folder({**sizes, **(files or {})}, documents)


def test_a_whole_folder_has_no_problem():
    assert packaging.missing_files(folder()) == []
    assert packaging.config_problems(folder()) == []
    assert packaging.token_id_problems(folder(), {}) == []


def test_a_missing_an_empty_and_an_unreadable_file_are_named():
    found = packaging.missing_files(folder(files={"tokenizer.json": 0}), ["model.onnx.data"])
    assert found == ["model.onnx.data is missing", "tokenizer.json is empty"]
    broken = Folder({}, {}, ("genai_config.json is not readable JSON: x",))
    assert "genai_config.json is not readable JSON: x" in packaging.missing_files(broken)
    assert "genai_config.json is missing" in packaging.missing_files(broken)


def test_a_model_without_chats_needs_no_template_and_no_room_for_foundrys_answers():
    plain = folder(model={"context_length": 2048}, source={"max_position_embeddings": 2048})
    plain = Folder({k: v for k, v in plain.files.items() if "jinja" not in k}, plain.documents)
    assert packaging.missing_files(plain) == ["chat_template.jinja is missing"]
    assert packaging.missing_files(plain, is_chat=False) == []
    chatting, alone = (packaging.config_problems(plain, it) for it in (True, False))
    assert [it for it in chatting if it not in alone] == [
        "context_length is 2048: Foundry Local reserves 2048 new tokens by default and refuses "
        "every request that sets no max_tokens"
    ]


def test_a_graph_that_no_check_would_read_is_named():
    found = folder(model={"decoder": {"filename": "model.bin"}}, files={"model.bin": 10})
    assert packaging.missing_files(found) == ["model.bin must end with .onnx, or no check reads it"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"model": {"eos_token_id": 5}}, "the tokenizer's <|im_end|> is 2"),
        ({"model": {"eos_token_id": [5, 0]}}, "eos_token_id is 5, 0"),
        ({"model": {"eos_token_id": None}}, "has no eos_token_id"),
        ({"model": {"eos_token_id": []}}, "has no eos_token_id"),
        ({"source": {"eos_token_id": 7}}, "but 7 in the source checkpoint"),
        ({"model": {"context_length": 64}}, "context_length is 64 in genai_config.json, but"),
        ({"model": {"context_length": 64}}, "search.max_length 4096 is over context_length 64"),
        ({"model": {"context_length": 2048}, "source": {}}, "Foundry Local reserves 2048"),
        ({"model": {"context_length": "4096"}}, "not a number of tokens"),
        ({"model": {"vocab_size": 500}}, "vocab_size is 500"),
    ],
)
def test_a_contradiction_is_named(changes, problem):
    assert any(problem in it for it in packaging.config_problems(folder(**changes)))


@pytest.mark.parametrize(
    ("context", "of_source", "stated", "problems"),
    [
        (4096, 8192, 4096, []),
        (4096, 4096, 4096, []),
        (4096, None, 4096, []),
        (4096, 8192, None, ["max_position_embeddings is 8192 in the source"]),
        (8192, 8192, 4096, ["context_tokens is 4096 in the release's [model]"]),
        (4096, 8192, 6000, ["context_tokens is 6000 in the release's [model]"]),
        (4096, 3000, 4096, ["max_position_embeddings is 3000 in the source"]),
    ],
)
def test_a_context_is_the_one_that_the_release_states_and_within_the_sources(
    context, of_source, stated, problems
):
    package = folder({"context_length": context}, source={"max_position_embeddings": of_source})
    assert packaging.config_problems(package, stated_context=stated) == [
        f"context_length is {context} in genai_config.json, but {it}" for it in problems
    ]


def test_several_end_tokens_are_fine_when_the_tokenizers_is_among_them():
    assert packaging.config_problems(folder({"eos_token_id": [END_OF_TEXT, IM_END]})) == []


@pytest.mark.parametrize("extra", [LINE_END, THINK])
def test_an_end_token_that_is_text_and_not_the_sources_is_named(extra):
    package = folder({"eos_token_id": [IM_END, extra]})
    think = {"content": "<think>", "id": THINK, "special": False}
    package.documents["tokenizer.json"]["added_tokens"].append(think)
    assert packaging.config_problems(package) == [
        f"eos_token_id {extra} in genai_config.json is neither the source checkpoint's nor a "
        "special token: an answer stops where it says that"
    ]


@pytest.mark.parametrize(
    "source",
    [
        {"eos_token_id": [IM_END, LINE_END]},
        {"text_config": {"eos_token_id": LINE_END}},
    ],
)
def test_an_end_token_that_the_source_has_may_be_text(source):
    package = folder({"eos_token_id": [IM_END, LINE_END]}, source=source)
    assert packaging.config_problems(package) == []


def test_where_there_is_no_source_no_end_token_is_held_against_it():
    package = folder({"eos_token_id": [IM_END, LINE_END]})
    documents = {name: it for name, it in package.documents.items() if "source" not in name}
    assert packaging.config_problems(replace(package, documents=documents)) == []


def test_ids_outside_the_vocabulary_are_named():
    found = packaging.token_id_problems(folder({"vocab_size": 2, "pad_token_id": -1}), {})
    assert found == [
        "eos_token_id 2 is outside the vocabulary of 2",
        "pad_token_id -1 is outside the vocabulary of 2",
        "the added token <|im_end|> 2 is outside the vocabulary of 2",
    ]


def test_an_added_token_outside_the_vocabulary_is_no_contradiction_where_the_source_has_it_so():
    outside = folder({"vocab_size": 2}, source={"vocab_size": 2})
    [_, left] = packaging.token_id_problems(outside, {"<|im_end|>": 3})
    assert left == "the added token <|im_end|> 2 is outside the vocabulary of 2"
    of_source = {"<|im_end|>": 2}
    assert packaging.token_id_problems(outside, of_source) == [
        "eos_token_id 2 is outside the vocabulary of 2"
    ]
    inside = folder({"vocab_size": 2}, source={"text_config": {"vocab_size": 3}})
    assert len(packaging.token_id_problems(inside, of_source)) == 2


def test_marks_of_tool_calls_and_reasoning_are_the_tokenizers():
    def with_marks(**ids):
        found = folder(ids)
        found.documents["tokenizer.json"]["added_tokens"] = [
            {"id": token, "content": name, "special": False}
            for token, name in enumerate(("<tool_call>", "</tool_call>", "</think>"), 10)
        ]
        return packaging.token_id_problems(found, {})

    assert with_marks(bot_token_id=10, eot_token_id=11, bor_token_id=12, eor_token_id=12) == []
    assert with_marks(bot_token_id=11, eot_token_id=10) == [
        "bot_token_id 11 in genai_config.json is not <tool_call> 10",
        "eot_token_id 10 in genai_config.json is not </tool_call> 11",
    ]


PHI = "<|user|>\nfirst<|end|>\n<|assistant|>\nsecond<|end|>\n"


def test_control_tokens_of_another_family_are_ordinary_text_to_the_tokenizer():
    controls = packaging.control_tokens(PHI, ["first", "second"])
    assert controls == ("<|user|>", "<|end|>", "<|assistant|>")
    found = packaging.control_token_problems(controls, [[9, 8, 7], [4], [IM_END]], folder())
    assert found == [
        "the template's <|user|> is 3 ordinary tokens, not one special",
        "the template's <|end|> is token 4, which is no special token",
        "the template's <|assistant|> is token 2, which is no special token",
    ]


@pytest.mark.parametrize(
    ("of_source", "plain"),
    [
        (PHI, {"<|user|>", "<|end|>", "<|assistant|>"}),
        ("<|user|>\\nfirst<|im_end|>\\n<|assistant|>\\nsecond", {"<|user|>", "<|assistant|>"}),
        ("[INST] first [/INST] second", {"[INST]", "[/INST]"}),
        ("<|im_start|>user\nfirst<|im_end|>\n", set()),
    ],
)
def test_marks_are_plain_where_the_sources_template_has_them_and_its_tokenizer_does_not(
    of_source, plain
):
    assert packaging.plain_marks(of_source, ["first", "second"], folder()) == plain


def test_no_mark_is_known_to_be_plain_without_the_sources_tokenizer():
    assert packaging.plain_marks(PHI, ["first", "second"], Folder({}, {})) == frozenset()


def test_a_mark_that_is_plain_text_to_the_source_too_is_no_problem():
    given = ("[INST]", "<|user|>", "<|end|>"), [[9, 8, 7, 6], [9, 8, 7], [4]], folder()
    assert packaging.control_token_problems(*given, {"[INST]", "<|end|>"}) == [
        "the template's <|user|> is 3 ordinary tokens, not one special"
    ]
    assert len(packaging.control_token_problems(*given)) == 3


def test_the_token_that_closes_an_answer_must_end_it():
    assert packaging.turn_end_problems([IM_END, 13], folder()) == []
    assert "token 13, but eos_token_id is 2" in packaging.turn_end_problems([13], folder())[0]
    assert packaging.turn_end_problems([], folder())


RECIPE = Recipe(
    "int4",
    Role.CANDIDATE,
    Precision.INT4,
    algorithm=Algorithm.RTN,
    block_size=32,
    symmetric=True,
    accuracy_level=4,
)
AS_ASKED = Quantization(4, 32, 4, True, 29)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ((), "int4 was asked for, but the graph has no MatMulNBits node of 4 bits"),
        ((AS_ASKED, Quantization(8, 32, 4, True, 1)), "1 MatMulNBits nodes have bits 8"),
        ((Quantization(4, 128, 4, True, 29),), "block_size 128, the recipe asks for 32"),
        ((Quantization(4, 32, 0, True, 29),), "accuracy_level 0, the recipe asks for 4"),
        ((Quantization(4, 32, 4, False, 29),), "symmetric False, the recipe asks for True"),
        (
            (AS_ASKED, Quantization(32, 0, 0, True, 2, "MatMul")),
            "2 MatMul nodes were left at 32 bits",
        ),
    ],
)
def test_a_graph_that_is_not_what_was_asked_for_is_named(found, problem):
    assert any(problem in it for it in packaging.quantization_problems(RECIPE, found))


def test_a_prebuilt_graph_is_held_to_what_is_stated_of_it():
    stated = replace(RECIPE, prebuilt=Path("x"), block_size=None, symmetric=None)
    output_layer = Quantization(8, 64, 4, False, 1)
    other_blocks = Quantization(4, 128, 4, False, 28)
    assert packaging.quantization_problems(stated, (other_blocks, output_layer)) == []
    slow = replace(other_blocks, accuracy_level=0)
    assert packaging.quantization_problems(stated, (slow, output_layer)) == [
        "28 MatMulNBits nodes have accuracy_level 0, the recipe asks for 4"
    ]


def test_a_prebuilt_graph_has_nothing_at_fewer_bits_than_stated():
    stated = replace(RECIPE, prebuilt=Path("x"), precision=Precision.INT8)
    found = (Quantization(8, 32, 4, True, 1), Quantization(4, 32, 4, True, 28))
    assert packaging.quantization_problems(stated, found) == [
        "28 MatMulNBits nodes have bits 4, the recipe asks for 8"
    ]


def test_a_graph_as_asked_for_has_no_problem():
    embedding = Quantization(4, 32, 0, True, 1, "GatherBlockQuantized")
    assert packaging.quantization_problems(RECIPE, (AS_ASKED, embedding)) == []
    fp32 = Recipe("fp32", Role.REFERENCE, Precision.FP32)
    assert packaging.quantization_problems(fp32, ()) == []


def test_a_rope_cache_may_reach_beyond_the_context():
    cache = Tensor("cos_cache", (8192, 32), 0, is_rope_cache=True)
    assert packaging.tensor_problems([cache], context=4096) == []


def test_tensors_that_are_not_finite_or_too_short_are_named():
    found = packaging.tensor_problems(
        [
            Tensor("scales", (8,), 1),
            Tensor("cos_cache", (1024, 32), 0, is_rope_cache=True),
            Tensor("weight", (4, 4), 0),
        ],
        context=4096,
    )
    assert found == [
        "scales has 1 values that are not finite",
        "cos_cache has 1024 rows, but context_length is 4096",
    ]
