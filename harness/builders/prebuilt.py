"""Variants that somebody else built: adopted as they are, read and digested, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.builders.base import Built, Progress
from harness.builders.graph import Graph, read_graph
from harness.errors import BuildError, ConfigError, HarnessError
from harness.release import Role
from harness.store import digest_files, digest_of
from harness.variant import QUANTIZED, Recipe, Variant


@dataclass(frozen=True, slots=True)
class PrebuiltBuilder:
    """Adopts finished onnxruntime-genai folders."""

    def build(self, recipes: Sequence[Recipe], source: Path | None, progress: Progress) -> Built:
        """A variant or an error for each recipe; `source` is not used.

        ConfigError where the folder or its genai_config.json is missing. Whether the rest of it
        is complete is for the packaging suite to judge.
        """
        results: dict[str, Variant | HarnessError] = {}
        for recipe in recipes:
            progress(recipe.name, "digesting")
            try:
                results[recipe.name] = adopt(recipe)
            except HarnessError as error:
                results[recipe.name] = error
        return results


def adopt(recipe: Recipe) -> Variant:
    """The folder of a prebuilt recipe as a variant.

    ConfigError where there is none, or where the graph is not what is said of it.
    """
    directory = _folder(recipe)
    try:
        graph = read_graph(directory)
    except BuildError:  # an unreadable graph is evidence against the variant, found by its suites
        graph = Graph(None, ())
    _require_floats(recipe, graph, directory)
    files = digest_files(directory)
    precision = recipe.precision or graph.precision
    known = replace(recipe, precision=precision)
    return Variant(known, directory, files, digest_of(files), graph.quantization)


def _folder(recipe: Recipe) -> Path:
    directory = recipe.prebuilt
    if directory is None:
        raise ConfigError(f"[variants.{recipe.name}] needs a prebuilt folder: found none")
    if not directory.is_dir():
        raise ConfigError(
            f"[variants.{recipe.name}] prebuilt must be an onnxruntime-genai folder: "
            f"found no directory {directory}"
        )
    if not (directory / "genai_config.json").is_file():
        raise ConfigError(
            f"[variants.{recipe.name}] prebuilt must be an onnxruntime-genai folder: "
            f"found no genai_config.json in {directory}"
        )
    return directory


def _require_floats(recipe: Recipe, graph: Graph, directory: Path) -> None:
    """Refuse another graph than is stated where that is in floating point; limits follow from it.

    What a quantized variant states is compared by the packaging suite.
    """
    if recipe.role is Role.REFERENCE and graph.quantization:
        raise ConfigError(
            f"[variants.{recipe.name}] the reference is what quantization is compared with, so it "
            f"must be fp32 or fp16: found {graph.precision or 'other bits'} in {directory}"
        )
    stated = None if recipe.precision in QUANTIZED else recipe.precision
    if stated and graph.precision and stated is not graph.precision:
        raise ConfigError(
            f"[variants.{recipe.name}] precision says {stated}, but the graph in {directory} is "
            f"{graph.precision}"
        )
