"""Is the folder whole, and do its parts agree? No inference."""

import pytest

from harness.bench import Bench
from harness.metrics import packaging
from harness.plugins.measure import Record
from harness.probes.folder import external_files, file_sizes, float_tensors, read_folder

CHAT = (("user", "first-message"), ("assistant", "second-message"), ("user", "third-message"))


def fail_on(problems: list[str]) -> None:
    """One red line that names every problem."""
    if problems:
        pytest.fail("; ".join(problems), pytrace=False)


def test_folder_is_complete(bench: Bench, record: Record) -> None:
    """Every file that the configuration or the graph names is there, not empty, and readable."""
    directory = bench.variant.directory
    folder = read_folder(directory)
    graph = directory / folder.graph_file
    external = external_files(graph) if folder.graph_file and graph.is_file() else ()
    problems = packaging.missing_files(folder, external)
    record(bench.sample("missing", "count", [len(problems)]))
    fail_on(problems)


def test_configs_agree(bench: Bench, record: Record) -> None:
    """End tokens, context and vocabulary are the same wherever they are stated."""
    folder = read_folder(bench.variant.directory, bench.source)
    problems = packaging.config_problems(folder) + packaging.token_id_problems(folder)
    record(bench.sample("contradictions", "count", [len(problems)]))
    fail_on(problems)


def test_graph_matches_recipe(bench: Bench, record: Record) -> None:
    """Bits, block size, symmetry and accuracy level of the graph are what was asked for."""
    variant = bench.variant
    problems = packaging.quantization_problems(variant.recipe, variant.quantization)
    size = sum(file_sizes(variant.directory).values())
    record(
        bench.sample("differences", "count", [len(problems)]),
        bench.sample("size", "MiB", [size / 2**20]),
    )
    fail_on(problems)


def test_tensors_are_sound(bench: Bench, record: Record) -> None:
    """Weights and scales are finite; RoPE caches reach to the context's end."""
    directory = bench.variant.directory
    folder = read_folder(directory)
    tensors = list(float_tensors(directory / folder.graph_file))
    problems = packaging.tensor_problems(tensors, bench.context_tokens)
    record(bench.sample("bad_tensors", "count", [len(problems)]))
    fail_on(problems)


def test_template_speaks_the_tokenizers_language(bench: Bench, record: Record) -> None:
    """Control tokens of the chat template are single special ids, and an answer's end is an end."""
    folder = read_folder(bench.variant.directory)
    contents = [content for _, content in CHAT]
    whole = bench.render([CHAT])[0]
    controls = packaging.control_tokens(whole, contents)
    after = whole.partition(contents[1])[2].partition(contents[2])[0]
    *encoded, after_ids = bench.encode([*controls, after])
    problems = [
        *packaging.control_token_problems(controls, encoded, folder),
        *packaging.turn_end_problems(after_ids, folder),
    ]
    record(bench.sample("template_problems", "count", [len(problems)]))
    fail_on(problems)
