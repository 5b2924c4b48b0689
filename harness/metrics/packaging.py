"""Static checks of a variant's folder: each function returns the problems, one sentence each."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.release import FOUNDRY_BUDGET
from harness.variant import Quantization, Recipe

REQUIRED_FILES = ("genai_config.json", "tokenizer.json", "tokenizer_config.json")
_MARKERS = {
    "bot_token_id": ("<tool_call>", "<|tool_call|>"),
    "eot_token_id": ("</tool_call>", "<|/tool_call|>"),
    "bor_token_id": ("<think>",),
    "eor_token_id": ("</think>",),
}
"""Where tool calls and reasoning begin and end, as onnxruntime-genai's builder names the tokens."""

_CONTROL = re.compile(r"<\|[^<>|\s]+\|>|<(?:/?[a-z]+_of_[a-z]+|/?s|bos|eos)>|\[/?INST\]")


@dataclass(frozen=True, slots=True)
class Folder:
    """Files with their sizes in bytes, and the JSON documents among them by name."""

    files: Mapping[str, int]
    documents: Mapping[str, Mapping[str, Any]]
    unreadable: tuple[str, ...] = ()

    @property
    def model(self) -> Mapping[str, Any]:
        """The ``model`` table of genai_config.json, empty when it is missing."""
        found = self.documents.get("genai_config.json", {}).get("model", {})
        return found if isinstance(found, Mapping) else {}

    @property
    def graph_file(self) -> str:
        """The decoder's file name."""
        decoder = self.model.get("decoder", {})
        return str(decoder.get("filename", "")) if isinstance(decoder, Mapping) else ""

    @property
    def end_tokens(self) -> tuple[int, ...]:
        """``eos_token_id`` of genai_config.json as a tuple."""
        return as_ids(self.model.get("eos_token_id"))

    @property
    def added_tokens(self) -> dict[str, int]:
        """Added tokens of tokenizer.json: content to id."""
        added = self.documents.get("tokenizer.json", {}).get("added_tokens", [])
        return {str(token["content"]): int(token["id"]) for token in added}

    @property
    def special_ids(self) -> frozenset[int]:
        """Ids of the added tokens of tokenizer.json that are marked as no text."""
        added = self.documents.get("tokenizer.json", {}).get("added_tokens", [])
        return frozenset(int(token["id"]) for token in added if token.get("special") is True)

    @property
    def named_end(self) -> tuple[str, int | None]:
        """The tokenizer's own end token, and its id where it is an added one."""
        name = self.documents.get("tokenizer_config.json", {}).get("eos_token")
        name = str(name.get("content") if isinstance(name, Mapping) else name)
        return name, self.added_tokens.get(name)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A floating-point initializer: `bad_values` counts NaN and infinite ones."""

    name: str
    shape: tuple[int, ...]
    bad_values: int
    is_rope_cache: bool = False


def as_ids(value: object) -> tuple[int, ...]:
    """Token ids from a configuration value that may be missing, a number or a list."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (int(str(value)),)


def missing_files(folder: Folder, external: Sequence[str] = (), is_chat: bool = True) -> list[str]:
    """Files that the folder must have and lacks, or that are empty or unreadable.

    A model that is not asked in chats needs no chat template.
    """
    needed = [*REQUIRED_FILES, *external]
    if folder.graph_file:
        needed.append(folder.graph_file)
    elif "genai_config.json" in folder.documents:
        return ["genai_config.json names no model.decoder.filename"]
    has_template = "chat_template.jinja" in folder.files or _inline_template(folder)
    if is_chat and not has_template:
        needed.append("chat_template.jinja")
    absent = [f"{name} is missing" for name in needed if name not in folder.files]
    empty = [f"{name} is empty" for name in needed if folder.files.get(name) == 0]
    graph = folder.graph_file
    other = [f"{graph} must end with .onnx, or no check reads it"] if _is_other(graph) else []
    return absent + empty + other + list(folder.unreadable)


def _is_other(graph: str) -> bool:
    return bool(graph) and not graph.endswith(".onnx")


def _inline_template(folder: Folder) -> bool:
    return bool(folder.documents.get("tokenizer_config.json", {}).get("chat_template"))


def config_problems(
    folder: Folder, is_chat: bool = True, stated_context: int | None = None
) -> list[str]:
    """Where genai_config.json contradicts the tokenizer, the source checkpoint or itself.

    `stated_context` is the context in tokens that the release states in place of the source's.
    What Foundry Local makes of it does not matter to a model without chats, which never gets there.
    """
    return [
        *_end_token_problems(folder),
        *_context_problems(folder, is_chat, stated_context),
        *_source_value_problem(folder, "vocab_size", "vocab_size"),
    ]


def _end_token_problems(folder: Folder) -> list[str]:
    ends = folder.end_tokens
    if not ends:
        return ["genai_config.json has no eos_token_id: an answer never stops"]
    problems = []
    name, expected = folder.named_end
    if expected is not None and expected not in ends:
        problems.append(
            f"eos_token_id is {_listed(ends)} in genai_config.json, but the tokenizer's "
            f"{name} is {expected}: answers do not stop where they should"
        )
    source = as_ids(
        folder.documents.get("source/generation_config.json", {}).get("eos_token_id")
        or folder.documents.get("source/config.json", {}).get("eos_token_id")
    )
    if source and not set(source) <= set(ends):
        problems.append(
            f"eos_token_id is {_listed(ends)} in genai_config.json, but {_listed(source)} "
            "in the source checkpoint"
        )
    return problems + _extra_end_problems(folder)


def _extra_end_problems(folder: Folder) -> list[str]:
    """End tokens that nothing of the source explains: an answer that says one stops there.

    Beside the source's own, the tokenizer's and what is marked special may end an answer, for
    neither is text.
    """
    config = folder.documents.get("source/config.json", {})
    generation = folder.documents.get("source/generation_config.json", {})
    if not config and not generation:
        return []
    places = (generation, config, config.get("text_config"))
    stated = [place.get("eos_token_id") for place in places if isinstance(place, Mapping)]
    of_source = {token for value in stated for token in as_ids(value)}
    known = of_source | folder.special_ids | {folder.named_end[1]}
    extra = [token for token in folder.end_tokens if token not in known]
    if not extra:
        return []
    return [
        f"eos_token_id {_listed(extra)} in genai_config.json is neither the source checkpoint's "
        "nor a special token: an answer stops where it says that"
    ]


def _listed(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids))


def _context_problems(folder: Folder, is_chat: bool, stated: int | None) -> list[str]:
    context = folder.model.get("context_length")
    if not isinstance(context, int) or context < 1:
        return [f"context_length in genai_config.json is {context!r}, not a number of tokens"]
    problems = _length_problems(folder, context, stated)
    search = folder.documents.get("genai_config.json", {}).get("search", {})
    longest = search.get("max_length") if isinstance(search, Mapping) else None
    if isinstance(longest, int) and longest > context:
        problems.append(f"search.max_length {longest} is over context_length {context}")
    if is_chat and context <= FOUNDRY_BUDGET:
        problems.append(
            f"context_length is {context}: Foundry Local reserves {FOUNDRY_BUDGET} new tokens by "
            "default and refuses every request that sets no max_tokens"
        )
    return problems


def _length_problems(folder: Folder, context: int, stated: int | None) -> list[str]:
    """Of a context that is not the one stated; one beyond the source's is none at all."""
    theirs = folder.documents.get("source/config.json", {}).get("max_position_embeddings")
    problems = []
    if stated is not None and context != stated:
        problems.append(
            f"context_length is {context} in genai_config.json, but context_tokens is {stated} "
            "in the release's [model]"
        )
    if stated is None or (isinstance(theirs, int) and context > theirs):
        problems += _source_value_problem(folder, "context_length", "max_position_embeddings")
    return problems


def _source_value_problem(folder: Folder, key: str, source_key: str) -> list[str]:
    mine = folder.model.get(key)
    theirs = folder.documents.get("source/config.json", {}).get(source_key)
    if mine is None or theirs is None or mine == theirs:
        return []
    return [f"{key} is {mine} in genai_config.json, but {source_key} is {theirs} in the source"]


def token_id_problems(folder: Folder, of_source: Mapping[str, int]) -> list[str]:
    """Special token ids outside the vocabulary; added tokens that are outside of the source's too
    are its own.

    (Gemma 3 of 270 M and 1 B has one for images, which it cannot read.)
    """
    size = folder.model.get("vocab_size")
    if not isinstance(size, int):
        return [f"vocab_size in genai_config.json is {size!r}, not a number"]
    named = [
        (key, token)
        for key in ("bos_token_id", "eos_token_id", "pad_token_id", *_MARKERS)
        for token in as_ids(folder.model.get(key))
    ]
    named += [
        (f"the added token {name}", token)
        for name, token in folder.added_tokens.items()
        if of_source.get(name) != token or token < _source_vocabulary(folder)
    ]
    outside = [
        f"{key} {token} is outside the vocabulary of {size}"
        for key, token in named
        if not 0 <= token < size
    ]
    return outside + _marker_problems(folder)


def _marker_problems(folder: Folder) -> list[str]:
    """Ids by which Foundry Local tells tool calls and reasoning from text, of other tokens."""
    model = folder.documents.get("tokenizer.json", {}).get("model", {})
    vocabulary = model.get("vocab") if isinstance(model, Mapping) else None
    tokens = {**(vocabulary if isinstance(vocabulary, Mapping) else {}), **folder.added_tokens}
    found = []
    for key, names in _MARKERS.items():
        meant = {name: tokens[name] for name in names if name in tokens}
        others = [it for it in as_ids(folder.model.get(key)) if it not in meant.values()]
        if meant and others:
            shown = " or ".join(f"{name} {token}" for name, token in meant.items())
            found.append(f"{key} {_listed(others)} in genai_config.json is not {shown}")
    return found


def _source_vocabulary(folder: Folder) -> int:
    """The size that the source's configuration states; 0 where it states none."""
    config = folder.documents.get("source/config.json", {})
    text = config.get("text_config", {})
    sizes = (it.get("vocab_size") for it in (config, text) if isinstance(it, Mapping))
    return max((it for it in sizes if isinstance(it, int)), default=0)


def control_tokens(rendered: str, contents: Sequence[str]) -> tuple[str, ...]:
    """What looks like a control token in a rendered chat, the messages' own text taken out."""
    for content in contents:
        rendered = rendered.replace(content, "\n")
    return tuple(dict.fromkeys(_CONTROL.findall(rendered)))


def plain_marks(rendered: str, contents: Sequence[str], source: Folder) -> frozenset[str]:
    """Marks of a chat by the source's own template that are ordinary text to its tokenizer.

    The source was trained so: [INST] of Llama 2, <|user|> of Zephyr and TinyLlama. None are known
    to be where the source has no tokenizer.json.
    """
    if "tokenizer.json" not in source.documents:
        return frozenset()
    return frozenset(control_tokens(rendered, contents)) - source.added_tokens.keys()


def control_token_problems(
    controls: Sequence[str],
    encoded: Sequence[Sequence[int]],
    folder: Folder,
    plain: Collection[str] = (),
) -> list[str]:
    """Control tokens of the chat template that the tokenizer does not know as one special id.

    `encoded[i]` holds the runtime's ids of `controls[i]`; `plain` are those that are ordinary text
    to the source too. A template of another model family is found here: its control tokens fall
    apart into ordinary text.
    """
    special = folder.added_tokens
    problems = []
    for name, ids in zip(controls, encoded, strict=True):
        if name in plain:
            continue
        if len(ids) != 1:
            problems.append(f"the template's {name} is {len(ids)} ordinary tokens, not one special")
        elif special.get(name) != ids[0]:
            problems.append(f"the template's {name} is token {ids[0]}, which is no special token")
    return problems


def turn_end_problems(after_answer: Sequence[int], folder: Folder) -> list[str]:
    """Whether the token that closes an assistant's turn in the template ends an answer."""
    if not after_answer:
        return ["the chat template puts nothing after an assistant's answer"]
    if after_answer[0] in folder.end_tokens:
        return []
    return [
        f"the chat template closes an answer with token {after_answer[0]}, but eos_token_id is "
        f"{_listed(folder.end_tokens)}: answers do not stop where they should"
    ]


def quantization_problems(recipe: Recipe, found: Sequence[Quantization]) -> list[str]:
    """Where the graph's quantized nodes differ from what the recipe asked for."""
    bits = {"int4": 4, "int8": 8}.get(str(recipe.precision))
    if bits is None:
        return []
    if not any(it.bits == bits for it in found):
        return [_none_found(recipe, bits)]
    return [problem for it in found for problem in _differences(recipe, bits, it)]


def _differences(recipe: Recipe, bits: int, it: Quantization) -> list[str]:
    if recipe.prebuilt is not None and it.bits > bits:
        return []  # others keep the output layer, say, at more bits on purpose
    if it.operator == "MatMul":
        return [f"{it.nodes} MatMul nodes were left at {it.bits} bits, the recipe asks for {bits}"]
    asked: list[tuple[str, int | None]] = [
        ("bits", bits),
        ("block_size", recipe.block_size),
        ("symmetric", recipe.symmetric),
    ]
    if it.operator == "MatMulNBits":  # the only operator that has one
        asked.append(("accuracy_level", recipe.accuracy_level))
    return [
        f"{it.nodes} {it.operator} nodes have {key} {getattr(it, key)}, the recipe asks for {want}"
        for key, want in asked
        if want is not None and getattr(it, key) != want
    ]


def _none_found(recipe: Recipe, bits: int) -> str:
    return f"{recipe.precision} was asked for, but the graph has no MatMulNBits node of {bits} bits"


def tensor_problems(tensors: Iterable[Tensor], context: int) -> list[str]:
    """Scales and weights that are not finite, RoPE caches shorter than the context."""
    problems = []
    for tensor in tensors:
        if tensor.bad_values:
            problems.append(f"{tensor.name} has {tensor.bad_values} values that are not finite")
        if tensor.is_rope_cache and tensor.shape[0] < context:
            problems.append(
                f"{tensor.name} has {tensor.shape[0]} rows, but context_length is {context}"
            )
    return problems
