"""All variants of a release: the builder of each recipe, and one result in the release's order."""

from collections.abc import Sequence
from pathlib import Path

from harness.builders.base import Built, Progress
from harness.builders.olive import OliveBuilder
from harness.builders.prebuilt import PrebuiltBuilder
from harness.errors import HarnessError
from harness.variant import Recipe


def build_variants(
    recipes: Sequence[Recipe], source: Path | HarnessError | None, cache: Path, progress: Progress
) -> Built:
    """Adopt the prebuilt and build the others, `source` being their checkpoint directory.

    Where that could not be had, the reason of it is why there are no others.
    """
    prebuilt = [recipe for recipe in recipes if recipe.prebuilt is not None]
    others = [recipe for recipe in recipes if recipe.prebuilt is None]
    results = dict(PrebuiltBuilder().build(prebuilt, None, progress)) if prebuilt else {}
    if isinstance(source, HarnessError):
        results |= {recipe.name: source for recipe in others}
    elif others:
        results |= OliveBuilder(cache).build(others, source, progress)
    return {recipe.name: results[recipe.name] for recipe in recipes}
