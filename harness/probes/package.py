"""A package's parts beside its source's, or the reference's where there is no source.

Nothing is run but the chat templates. A part that neither side states is not compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.answer import Messages
from harness.errors import LoadError
from harness.evidence import NO_SOURCE
from harness.metrics.architecture import (
    Graph,
    compare_attributes,
    compare_caches,
    compare_graphs,
    compare_rotations,
)
from harness.metrics.chat_templates import CHATS, compare_renderings
from harness.metrics.compared import Compared
from harness.metrics.generation import compare_generation
from harness.metrics.model_config import computation
from harness.metrics.packaging import plain_marks
from harness.metrics.tokenizer_parts import (
    TokenizerParts,
    compare_decoder,
    compare_tables,
    compare_tokenizers,
    tokenizer_parts,
)
from harness.probes.chat_rendering import render_chats
from harness.probes.chat_template import read_templates
from harness.probes.folder import read_folder, read_object
from harness.probes.graph_computation import read_computation
from harness.probes.saved_tokenizer import saved_tokenizer
from harness.probes.tokenizer import codec

_GRAPH, _TOKENIZER = "genai_config.json", "tokenizer.json"
_DECODER = "added_tokens_decoder"
_NAMED = 3  # texts in a sentence
_NEEDS_REWRITING = (
    "the tokenizer differs from the source's file, which builders write anew, and transformers is "
    "not there to do the same"
)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a package is held against: its source checkpoint's folder, or else the reference's.

    Neither is there for a reference without a source; `why` says why there is none.
    """

    source: Path | None = None
    reference: Path | None = None
    why: str = NO_SOURCE

    @property
    def nothing(self) -> Compared:
        """What is found where there is neither."""
        return Compared(unknown=(self.why,))


def graph_parts(directory: Path, beside: Beside) -> tuple[Compared, Compared]:
    """Attributes of attention and norms, and the RoPE caches; LoadError where there is no graph."""
    if beside.source is None and beside.reference is None:
        return beside.nothing, beside.nothing
    model = _table(directory / _GRAPH, "model")
    graph = _graph(directory)
    if beside.source is None:
        assert beside.reference is not None
        theirs = _graph(beside.reference)
        return compare_graphs(graph, theirs), compare_caches(graph, theirs)
    asked = computation(read_object(beside.source / "config.json"))
    context = model.get("context_length")
    context = context if isinstance(context, int) else 0
    attributes = compare_attributes(graph, asked, context)
    return attributes, compare_rotations(graph, asked, context)


def _graph(directory: Path) -> Graph:
    decoder = _table(directory / _GRAPH, "model").get("decoder")
    name = decoder.get("filename") if isinstance(decoder, Mapping) else None
    if not isinstance(name, str) or not name:
        raise LoadError("genai_config.json names no model.decoder.filename")
    if not (directory / name).is_file():  # a device or a pipe would never end
        raise LoadError(f"the graph that genai_config.json names is no file: {name}")
    return read_computation(directory / name)


def generation(directory: Path, beside: Beside) -> Compared:
    """Settings for callers that set nothing."""
    search = _table(directory / _GRAPH, "search")
    if beside.source is not None:
        stated = beside.source / "generation_config.json"
        document = stated if stated.is_file() else beside.source / "config.json"
        return compare_generation(search, read_object(document))
    if beside.reference is None:
        return beside.nothing
    theirs = _table(beside.reference / _GRAPH, "search")
    return compare_generation(search, theirs, "the reference's")


def tokenizer(directory: Path, beside: Beside, texts: Mapping[str, str]) -> Compared:
    """Every part of the tokenizer, and what the engine reads of tokens in other files.

    Where the files differ, the source's is written anew as builders do, which may be all of it.
    What that changes may be more than how it is written: it is in doubt where one of `texts`, by
    name, has other token ids by the source's file as it is.
    """
    other = beside.source or beside.reference
    if other is None:
        return beside.nothing
    found = _tokenizer(directory, beside, texts)
    return replace(found, differences=(*found.differences, *_elsewhere(directory, other)))


def _elsewhere(directory: Path, other: Path) -> tuple[str, ...]:
    """Tokens of files that onnxruntime-extensions reads beside or before tokenizer.json."""
    config, module = "tokenizer_config.json", "tokenizer_module.json"
    try:
        ids = _parts(directory).ids
    except ValueError:
        return ()
    mine, theirs = (_table(folder / config, _DECODER) for folder in (directory, other))
    found = compare_decoder(mine, ids, theirs)
    if not (directory / module).is_file():
        return found
    if (other / module).is_file() and read_object(directory / module) == read_object(
        other / module
    ):
        return found
    why = f"{module}, which the engine reads before {_TOKENIZER}, is not the one it is held against"
    return (*found, why)


def _tokenizer(directory: Path, beside: Beside, texts: Mapping[str, str]) -> Compared:
    if beside.source is None:
        assert beside.reference is not None
        return _tokenizers(directory, beside.reference, "the reference's")
    found = _tokenizers(directory, beside.source, "the source's")
    if found.looked_at and not found.differences:
        return found
    with saved_tokenizer(beside.source) as anew:
        if anew is not None:
            rewritten = _tokenizers(directory, anew, "the source's")
            if rewritten.differences or rewritten.unknown:
                return rewritten
            return replace(rewritten, doubts=_changed(directory, beside.source, texts))
    moved = _tables(directory, beside.source)
    doubts = [it for it in (*found.differences, *found.unknown) if it not in moved]
    return Compared(found.looked_at, moved, (*doubts, _NEEDS_REWRITING))


def _changed(directory: Path, source: Path, texts: Mapping[str, str]) -> tuple[str, ...]:
    """Texts that the source's file encodes otherwise than the package's, which is that file written
    anew: transformers puts a family's own pre-tokenizer into it, whatever the model was trained on.
    """
    if not (source / _TOKENIZER).is_file():  # its vocabulary is in a file of another kind
        return ()
    mine, theirs = (codec(folder / _TOKENIZER)[0] for folder in (directory, source))
    if mine is None or theirs is None:
        return ("the source's tokenizer cannot be asked for what writing it anew has changed",)
    others = [name for name, text in texts.items() if mine(text) != theirs(text)]
    if not others:
        return ()
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return (
        f"transformers, which builders write the tokenizer with, changed it: {len(others)} of "
        f"{len(texts)} texts have other token ids by the source's own tokenizer.json "
        f"({', '.join(others[:_NAMED])}{more}), and nobody knows which the model was trained on",
    )


def _tables(directory: Path, source: Path) -> tuple[str, ...]:
    """What differs however a tokenizer is written: ids of tokens that both have, and merges."""
    try:
        return compare_tables(_parts(directory), _parts(source), "the source's")
    except ValueError:
        return ()


def _tokenizers(directory: Path, other: Path, whose: str) -> Compared:
    try:
        return compare_tokenizers(_parts(directory), _parts(other), whose)
    except ValueError as error:
        return Compared(unknown=(str(error),))


def _parts(directory: Path) -> TokenizerParts:
    config = directory / "tokenizer_config.json"
    named = {**_named_apart(directory), **(read_object(config) if config.is_file() else {})}
    return tokenizer_parts(read_object(directory / _TOKENIZER), named)


def _named_apart(directory: Path) -> Mapping[str, Any]:
    """What older checkpoints keep in a file of its own."""
    path = directory / "special_tokens_map.json"
    return read_object(path) if path.is_file() else {}


def chats(directory: Path, beside: Beside) -> Compared:
    """What the chat templates render: the package's two, where it has two, and the other's."""
    inline, file = read_templates(directory)
    used = file or inline
    other = beside.source or beside.reference
    theirs = "" if other is None else (read_templates(other)[1] or read_templates(other)[0])
    whose = "the source checkpoint's" if beside.source else "the reference's"
    tokens = _named_tokens(directory)
    pairs = [(inline, file, "the one in chat_template.jinja") if inline and file else None]
    pairs.append((used, theirs, whose) if theirs else None)
    if theirs and not used:
        return Compared((whose,), (f"there is no chat template, unlike {whose}",))
    found = [_rendered(*pair, tokens) for pair in pairs if pair]
    if not found:
        if other is None:
            return beside.nothing
        return Compared(unknown=("there is no chat template to compare with",))
    return Compared(
        tuple(it for one in found for it in one.looked_at),
        tuple(it for one in found for it in one.differences),
    )


def marks_of_source(source: Path | None, messages: Messages) -> frozenset[str]:
    """Marks that are ordinary text by the source's own chat template and tokenizer; none without
    a source or a template of its own.
    """
    inline, file = ("", "") if source is None else read_templates(source)
    if source is None or not (inline or file):
        return frozenset()
    said = [{"role": role, "content": content} for role, content in messages]
    chat = {"messages": said, "add_generation_prompt": True}
    [rendered] = render_chats(file or inline, [chat], _named_tokens(source))
    return plain_marks(rendered, [content for _, content in messages], read_folder(source))


def _rendered(mine: str, theirs: str, what: str, tokens: Mapping[str, str]) -> Compared:
    """By text first: what is the same needs no rendering."""
    if mine.strip() == theirs.strip():
        return Compared((what,))
    given = list(CHATS.values())
    return compare_renderings(
        render_chats(mine, given, tokens), render_chats(theirs, given, tokens), what
    )


def _named_tokens(directory: Path) -> dict[str, str]:
    try:
        return dict(_parts(directory).named)
    except ValueError:
        return {}


def _table(path: Path, key: str) -> Mapping[str, Any]:
    found = read_object(path).get(key) if path.is_file() else None
    return found if isinstance(found, Mapping) else {}
