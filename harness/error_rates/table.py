"""The table of error rates: rows, two tables held against each other, and rules taken together."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.error_rates.case import NO_CHANGE, SIZES
from harness.error_rates.simulation import Rates
from harness.policy import Severity


@dataclass(frozen=True, slots=True)
class Row:
    """The rates of one rule at every size of `SIZES`, in that order.

    `figures` are what is true of the candidate at each size. `counted` says to how many of a
    candidate and its reference a session applies the rule; 0 where the limit is for one precision
    or beside a previous release.
    """

    name: str
    severity: Severity
    statistic: str
    figures: tuple[float, ...]
    rates: tuple[Rates, ...]
    counted: int = 1

    def __post_init__(self) -> None:
        if not len(self.rates) == len(self.figures) == len(SIZES):
            raise ValueError(f"{self.name}: expected {len(SIZES)} sizes: found {len(self.rates)}")

    @property
    def suite(self) -> str:
        """The suite that measures it."""
        return self.name.partition(".")[0]

    def share(self, size: float) -> float:
        """How often the rule passes at a size."""
        found = self.rates[SIZES.index(size)]
        return found.go / found.trials


def differences(stored: Sequence[Row], fresh: Sequence[Row], deviations: float = 4.0) -> list[str]:
    """Where rates of the fresh rows are not the stored ones', beyond the error of both.

    A row that is not stored is a difference; one that is stored alone is not, for `fresh` may be a
    part.
    """
    known = {row.name: row for row in stored}
    found = [f"{row.name}: is not in the table" for row in fresh if row.name not in known]
    for row in fresh:
        if row.name in known:
            found += _different_cells(known[row.name], row, deviations)
    return found


def _different_cells(stored: Row, fresh: Row, deviations: float) -> list[str]:
    found = []
    for size, old, new in zip(SIZES, stored.rates, fresh.rates, strict=True):
        for name in ("go", "no_go", "inconclusive"):
            counts = getattr(old, name), getattr(new, name)
            if _apart(counts, (old.trials, new.trials)) > deviations:
                shares = counts[0] / old.trials, counts[1] / new.trials
                found.append(
                    f"{fresh.name} at size {size:g}, {name}: {shares[0]:.3f} in the table, "
                    f"{shares[1]:.3f} now"
                )
    return found


def _apart(counts: tuple[int, int], trials: tuple[int, int]) -> float:
    """The difference of two shares in standard errors of their pooled share.

    That share has one hit and one miss more than were seen, so that none in few trials is not
    taken for none at all.
    """
    pooled = (sum(counts) + 1) / (sum(trials) + 2)
    error = math.sqrt(pooled * (1 - pooled) * (1 / trials[0] + 1 / trials[1]))
    return abs(counts[0] / trials[0] - counts[1] / trials[1]) / error


def clean_go(rows: Sequence[Row]) -> float:
    """How often a clean candidate passes all rules, were their errors independent."""
    return math.prod(row.share(NO_CHANGE) ** row.counted for row in rows)


def clean_go_by_suite(rows: Sequence[Row]) -> dict[str, float]:
    """The same of each suite's rules."""
    suites = dict.fromkeys(row.suite for row in rows)
    return {suite: clean_go([row for row in rows if row.suite == suite]) for suite in suites}


def wrong_go_by_suite(rows: Sequence[Row], size: float) -> dict[str, dict[str, float]]:
    """By suite and rule, how often all rules pass where that rule's figure alone is so far out.

    Only the rule itself stands against it here; a real fault mostly shows in others too.
    """
    clean = clean_go(rows)
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        if row.counted:
            others = clean / row.share(NO_CHANGE) if row.share(NO_CHANGE) else 0.0
            found.setdefault(row.suite, {})[row.name] = others * row.share(size)
    return found


def weak(rows: Sequence[Row]) -> Mapping[str, list[str]]:
    """Rules whose rates a reader should know of, by what is the matter with them."""
    return {
        "stands in the way of a clean build more often than 1 in 50": [
            f"{row.name} ({1 - row.share(NO_CHANGE):.1%})"
            for row in rows
            if row.share(NO_CHANGE) < 0.98
        ],
        "is critical, and passes on the limit more often than 1 in 20": [
            f"{row.name} ({row.share(1.0):.1%})"
            for row in rows
            if row.severity is Severity.CRITICAL
            and _is_over(row.rates[SIZES.index(1.0)], 0.05)
            and not row.rates[0].is_exact
        ],
        "passes twice the limit more often than 1 in 20": [
            f"{row.name} ({row.share(2.0):.1%})" for row in rows if row.share(2.0) > 0.05
        ],
        "passes three times the limit more often than 1 in 20": [
            f"{row.name} ({row.share(3.0):.1%})" for row in rows if row.share(3.0) > 0.05
        ],
    }


def _is_over(rates: Rates, share: float) -> bool:
    """Beyond what so many trials may be off by: two standard errors."""
    error = math.sqrt(share * (1 - share) / rates.trials)
    return rates.go / rates.trials > share + 2 * error
