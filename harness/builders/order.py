"""Orders: what must be built, once for every key however many recipes come to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.builders.key import ingredients, key_of, plain
from harness.errors import HarnessError
from harness.store import digest_files
from harness.variant import Recipe, Variant


@dataclass(frozen=True, slots=True)
class Order:
    """One cache entry, and the recipes that it is for: at least one."""

    key: str
    made_from: Mapping[str, object]
    recipes: tuple[Recipe, ...]

    @property
    def recipe(self) -> Recipe:
        """The recipe to build by: all of them differ only in name and role."""
        return self.recipes[0]

    def directory(self, staging: Path) -> Path:
        """Where this order is staged."""
        return staging / self.key

    def request(self, staging: Path) -> dict[str, object]:
        """What the build process is told."""
        return {
            "recipe": plain(self.recipe),
            "output": str(self.directory(staging) / "model"),
            "scratch": str(staging / "scratch" / self.key),
        }

    def results(self, outcome: Variant | HarnessError) -> dict[str, Variant | HarnessError]:
        """The outcome under every name."""
        if isinstance(outcome, HarnessError):
            return {recipe.name: outcome for recipe in self.recipes}
        return {recipe.name: replace(outcome, recipe=recipe) for recipe in self.recipes}


def orders_for(recipes: Sequence[Recipe], checkpoint: Path) -> list[Order]:
    """The orders for these recipes, in their order; reads every byte of the checkpoint."""
    if not recipes:
        return []
    source_files = digest_files(checkpoint)
    orders: dict[str, Order] = {}
    for recipe in recipes:
        made_from = ingredients(recipe, source_files)
        key = key_of(made_from)
        earlier = orders[key].recipes if key in orders else ()
        orders[key] = Order(key, made_from, (*earlier, recipe))
    return list(orders.values())
