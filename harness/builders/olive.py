"""Variants built with Olive and cached; Olive itself runs in a process of its own."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from harness.builders.base import Built, Progress
from harness.builders.build_process import BuildProcess
from harness.builders.cache import Cache
from harness.builders.calibration import conversations
from harness.builders.checkpoint import require_checkpoint, require_space
from harness.builders.olive_bridge import require_known_pair
from harness.builders.order import Order, orders_for
from harness.builders.recipe_config import require_offered
from harness.builders.workshop import Outcome, Workshop
from harness.errors import HarnessError
from harness.variant import Recipe

_WORKER = "harness.builders.olive_worker"


@dataclass(frozen=True, slots=True)
class OliveBuilder:
    """Builds what its cache does not hold, all of it in one process that imports Olive once.

    `deadline_seconds` is how long that process may work without reporting anything.
    """

    cache: Path
    deadline_seconds: float = 3600
    worker: str = _WORKER  # the module that is the build process

    def build(self, recipes: Sequence[Recipe], source: Path | None, progress: Progress) -> Built:
        """A variant or an error for each recipe, as `harness.builders.base.Builder` says."""
        cache = Cache(self.cache.absolute())
        results: dict[str, Outcome] = _refusals(recipes)
        offered = [recipe for recipe in recipes if recipe.name not in results]
        try:
            checkpoint = require_checkpoint(source).absolute()
            missing = []
            for order in orders_for(offered, checkpoint):
                found = cache.find(order.key, order.recipe)
                if found is None:
                    missing.append(order)
                else:
                    progress(order.recipe.name, "cached")
                    results |= order.results(found)
            self._build(missing, checkpoint, progress, results)
        except HarnessError as error:
            results = {**{recipe.name: error for recipe in recipes}, **results}
        return {recipe.name: results[recipe.name] for recipe in recipes}

    def _build(
        self,
        orders: Sequence[Order],
        checkpoint: Path,
        progress: Progress,
        results: dict[str, Outcome],
    ) -> None:
        if not orders:
            return
        require_known_pair()
        cache = Cache(self.cache.absolute())
        require_space([order.recipe for order in orders], checkpoint, cache.root)
        with cache.staging() as staging:
            process = BuildProcess(self.worker, self.deadline_seconds, staging)
            workshop = Workshop(cache, staging, process, progress)
            with closing(workshop.carry_out(orders, checkpoint)) as outcomes:
                for order, outcome in outcomes:
                    results |= order.results(outcome)


def _refusals(recipes: Sequence[Recipe]) -> dict[str, Outcome]:
    refused: dict[str, Outcome] = {}
    for recipe in recipes:
        try:
            require_offered(recipe)
            if recipe.calibration is not None:
                conversations(recipe.calibration)
        except HarnessError as error:
            refused[recipe.name] = error
    return refused
