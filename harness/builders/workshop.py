"""The workshop: carries out orders in build processes and puts what they make into the cache."""

import shutil
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.builders.base import Progress
from harness.builders.build_process import BuildProcess
from harness.builders.cache import Cache, Staged
from harness.builders.failure import describe, restore
from harness.builders.order import Order
from harness.errors import BuildError, HarnessError
from harness.variant import Quantization, Variant

Outcome = Variant | HarnessError


@dataclass(frozen=True, slots=True)
class Workshop:
    """One staging area, from which finished orders are moved into the cache."""

    cache: Cache
    staging: Path
    process: BuildProcess
    progress: Progress

    def carry_out(
        self, orders: Sequence[Order], checkpoint: Path
    ) -> Generator[tuple[Order, Outcome]]:
        """Every order with its outcome.

        One process does them all. Where it dies, the order at hand is lost, and another process
        goes on with the rest.
        """
        left = list(orders)
        while left:
            with closing(self._carry_out_once(tuple(left), checkpoint)) as outcomes:
                for order, outcome in outcomes:
                    left.remove(order)
                    yield order, outcome

    def _carry_out_once(
        self, orders: Sequence[Order], checkpoint: Path
    ) -> Generator[tuple[Order, Outcome]]:
        unfinished = list(orders)
        at_hand: list[Order] = []
        try:
            with closing(self.process.reports(self._plan(orders, checkpoint))) as reports:
                for report in reports:
                    order = orders[report["index"]]
                    at_hand = [order]
                    if report["event"] == "stage":
                        self._show(order, report["stage"])
                        continue
                    at_hand = []
                    unfinished.remove(order)
                    yield order, self._outcome(order, report)
        except BuildError as error:
            for order in at_hand or unfinished:
                yield order, self._lost(order, error)
        else:
            for order in unfinished:
                yield order, self._lost(order, BuildError("the build process ended without it"))

    def _plan(self, orders: Sequence[Order], checkpoint: Path) -> dict[str, object]:
        builds = [order.request(self.staging) for order in orders]
        return {"source": str(checkpoint), "builds": builds}

    def _show(self, order: Order, stage: str) -> None:
        for recipe in order.recipes:
            self.progress(recipe.name, stage)

    def _outcome(self, order: Order, report: dict[str, Any]) -> Outcome:
        if report["event"] == "failed":
            error = restore(report["kind"], report["message"])
            return self._lost(order, error) if isinstance(error, BuildError) else error
        self._show(order, "digesting")
        groups = tuple(Quantization(**group) for group in report["quantization"])
        staged = Staged(order.directory(self.staging), order.made_from, groups, report["seconds"])
        try:
            variant = self.cache.admit(order.key, order.recipe, staged)
        except BuildError as error:
            return self._lost(order, error)
        except HarnessError as error:
            return error
        except OSError as error:
            return restore(**describe(error))
        self._show(order, "built")
        self._kept_log(order).unlink(missing_ok=True)
        return variant

    def _lost(self, order: Order, error: HarnessError) -> BuildError:
        """The error with the place of the log, which is kept; half a build is not."""
        shutil.rmtree(order.directory(self.staging), ignore_errors=True)
        log = self._kept_log(order)
        shutil.copyfile(self.process.log, log)
        return BuildError(f"{error}; the log is {log}")

    def _kept_log(self, order: Order) -> Path:
        return self.cache.root / f"failed-{order.key}.log"
