"""All variants of a release: the builder of each recipe, and one result in the release's order."""

from collections.abc import Sequence
from pathlib import Path

from harness.builders.base import Built, Progress
from harness.builders.olive import OliveBuilder
from harness.builders.prebuilt import PrebuiltBuilder
from harness.variant import Recipe


def build_variants(
    recipes: Sequence[Recipe], source: Path | None, cache: Path, progress: Progress
) -> Built:
    """Adopt the prebuilt and build the others, `source` being their checkpoint directory."""
    prebuilt = [recipe for recipe in recipes if recipe.prebuilt is not None]
    others = [recipe for recipe in recipes if recipe.prebuilt is None]
    results = {
        **(PrebuiltBuilder().build(prebuilt, None, progress) if prebuilt else {}),
        **(OliveBuilder(cache).build(others, source, progress) if others else {}),
    }
    return {recipe.name: results[recipe.name] for recipe in recipes}
