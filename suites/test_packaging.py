"""Is the folder whole, do its parts agree, and are they the source's? No inference.

What is wrong is counted and named in the evidence, and a rule refuses it.
"""

from collections.abc import Sequence

from harness.bench import Bench
from harness.evidence import NO_CHATS
from harness.measurement import Measurement
from harness.metrics import packaging
from harness.metrics.compared import Compared
from harness.metrics.stored_tensors import largest_wide
from harness.parity import TEXTS
from harness.plugins.measure import Record
from harness.probes import package
from harness.probes.folder import external_files, file_sizes, float_tensors, read_folder
from harness.probes.stored_tensors import read_stored_tensors

CHAT = (("user", "first-message"), ("assistant", "second-message"), ("user", "third-message"))


def test_folder_is_complete(bench: Bench, record: Record) -> None:
    """Every file that the configuration or the graph names is there, not empty, and readable."""
    directory = bench.variant.directory
    folder = read_folder(directory)
    graph = directory / folder.graph_file
    external = external_files(graph) if folder.graph_file and graph.is_file() else ()
    problems = packaging.missing_files(folder, external, bench.is_chat)
    record(_counted(bench, "missing", problems))


def test_configs_agree(bench: Bench, record: Record) -> None:
    """End tokens, context and vocabulary are the same wherever they are stated.

    The context is the release's, where it states one.
    """
    folder = read_folder(bench.variant.directory, bench.source)
    problems = packaging.config_problems(folder, bench.is_chat, bench.stated_context)
    source = {} if bench.source is None else read_folder(bench.source).added_tokens
    problems += packaging.token_id_problems(folder, source)
    record(_counted(bench, "contradictions", problems))


def test_graph_matches_recipe(bench: Bench, record: Record) -> None:
    """Bits, block size, symmetry and accuracy level of the graph are what was asked for.

    The share of the folder that its largest tensor of more bits takes is measured with them.
    """
    variant = bench.variant
    problems = packaging.quantization_problems(variant.recipe, variant.quantization)
    size = sum(file_sizes(variant.directory).values())
    wide = largest_wide(read_stored_tensors(variant.directory), variant.recipe.precision)
    share, label = (wide.size_bytes / size, wide.label) if wide else (0.0, "")
    record(
        _counted(bench, "differences", problems),
        bench.sample("size", "MiB", [size / 2**20]),
        bench.sample("wide_tensor", "share", [share], labels=[label]),
    )


def test_tensors_are_sound(bench: Bench, record: Record) -> None:
    """Weights and scales are finite; RoPE caches reach to the context's end."""
    directory = bench.variant.directory
    folder = read_folder(directory)
    tensors = list(float_tensors(directory / folder.graph_file))
    problems = packaging.tensor_problems(tensors, bench.context_tokens)
    record(_counted(bench, "bad_tensors", problems))


def test_template_speaks_the_tokenizers_language(bench: Bench, record: Record) -> None:
    """Control tokens of the chat template are single special ids, and an answer's end is an end.

    What is ordinary text to the source's own template and tokenizer may be so here.
    Not applicable to a model that is not asked in chats.
    """
    if not bench.is_chat:
        record(bench.absent("template_problems", NO_CHATS))
        return
    folder = read_folder(bench.variant.directory)
    contents = [content for _, content in CHAT]
    whole = bench.render([CHAT])[0]
    controls = packaging.control_tokens(whole, contents)
    after = whole.partition(contents[1])[2].partition(contents[2])[0]
    *encoded, after_ids = bench.encode([*controls, after.lstrip(" ")])  # Llama 2's is " </s>"
    plain = package.marks_of_source(bench.source, CHAT)
    problems = [
        *packaging.control_token_problems(controls, encoded, folder, plain),
        *packaging.turn_end_problems(after_ids, folder),
    ]
    record(_counted(bench, "template_problems", problems))


def test_graph_computes_what_the_source_does(bench: Bench, record: Record) -> None:
    """Attention, norms and every RoPE cache are those of the source's configuration."""
    attributes, rotations = package.graph_parts(bench.variant.directory, _beside(bench))
    record(
        _compared(bench, "attributes", attributes),
        _compared(bench, "rotations", rotations),
    )


def test_generation_settings_are_the_sources(bench: Bench, record: Record) -> None:
    """An application that sets nothing gets answers as the source's configuration has them."""
    found = package.generation(bench.variant.directory, _beside(bench))
    record(_compared(bench, "generation", found))


def test_tokenizer_is_the_sources(bench: Bench, record: Record) -> None:
    """Vocabulary, merges, added tokens and every stage of the pipeline are the source's."""
    asked = bench.items[: bench.plan.source_items]
    texts = {f"item {item.id}": item.messages[-1][1] for item in asked}
    found = package.tokenizer(bench.variant.directory, _beside(bench), {**TEXTS, **texts})
    record(_compared(bench, "tokenizer", found))


def test_chats_are_rendered_as_the_sources(bench: Bench, record: Record) -> None:
    """Chats become the same prompts by every template that the package and its source have.

    Not applicable to a model that is not asked in chats.
    """
    if not bench.is_chat:
        record(bench.absent("chats", NO_CHATS))
        return
    found = package.chats(bench.variant.directory, _beside(bench))
    record(_compared(bench, "chats", found))


def _beside(bench: Bench) -> package.Beside:
    """The source, or else the reference, for any other variant than that."""
    if bench.source is not None or bench.variant.name == bench.reference:
        return package.Beside(bench.source, why=bench.no_source)
    return package.Beside(reference=bench.fleet.variant(bench.reference).directory)


def _counted(bench: Bench, metric: str, problems: Sequence[str]) -> Measurement:
    """1 for each problem, which is named; a single 0 where there is none."""
    labels = problems or [""]
    return bench.sample(metric, "count", [bool(it) for it in labels], labels=labels)


def _compared(bench: Bench, metric: str, found: Compared) -> Measurement:
    """1 for each difference, 0 for each part that was looked at."""
    for what in found.unknown if found.looked_at else ():
        bench.remark(f"{bench.variant.name}: not compared: {what}")
    if found.absence:
        return bench.absent(metric, found.absence)
    labels = (*found.differences, *found.looked_at)
    values = [n < len(found.differences) for n in range(len(labels))]
    return bench.sample(metric, "count", values, labels=labels)
