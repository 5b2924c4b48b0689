"""``python -m harness error-rates``: how often the rules of a policy err, by simulation."""

import argparse
import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from harness.error_rates.case import SIZES, Case, cases, waived
from harness.error_rates.page import Section, page, table_lines
from harness.error_rates.simulation import EXACT, SIMULATED, simulate
from harness.error_rates.table import Row
from harness.errors import ConfigError
from harness.policy import Policy
from harness.release import Role
from harness.store import read_policy, write_text

TRIALS = 4000

_ROOT = Path(__file__).resolve().parents[2]
PAGE = _ROOT / "docs" / "error-rates.md"
POLICIES = (_ROOT / "fixtures/policies/gate.toml", _ROOT / "fixtures/policies/ci.toml")
"""The policies on the page."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add = parser.add_argument
    add("--policy", type=Path, metavar="FILE", help="whose rules (default: the gate's)")
    add("--rule", default="", metavar="ID", help="one rule alone")
    add("--trials", type=int, default=TRIALS, help="of each row; fewer where a trial takes long")
    add("--seed", type=int, default=0)
    add("--write", action="store_true", help="write docs/error-rates.md, of the gate's policies")


def error_rates(options: argparse.Namespace) -> int:
    """Print the table of one policy, or write the page of all; 0.

    Raises ConfigError for a rule that does not decide in the policy, and options that say nothing.
    """
    if options.trials < 1:
        raise ConfigError(f"--trials must be at least 1: found {options.trials}")
    if not options.write:
        section = measure(options.policy or POLICIES[0], options.trials, options.seed, options.rule)
        print("\n".join(table_lines(section.rows)))
        return 0
    if options.policy or options.rule:
        raise ConfigError("--write is for the page of all of the gate's policies: leave out others")
    sections = [measure(it, options.trials, options.seed) for it in POLICIES]
    PAGE.parent.mkdir(exist_ok=True)
    write_text(PAGE, page(sections))
    print(f"wrote {PAGE}")
    return 0


def measure(path: Path, trials: int, seed: int, rule: str = "") -> Section:
    """All that the page says of one policy."""
    started = time.monotonic()
    policy = read_policy(path)
    chosen = [it for it in cases(policy) if rule in ("", it.rule.id)]
    if not chosen:
        names = ", ".join(dict.fromkeys(it.rule.id for it in cases(policy)))
        raise ConfigError(f"no rule {rule!r} decides in {path.name}; those that do: {names}")
    known = [it for it in chosen if it.rule.statistic in SIMULATED or it.rule.statistic in EXACT]
    rows = rows_of(known, trials, seed)
    unknown = [it.name for it in chosen if it not in known]
    return Section(path.name, rows, waived(policy), unknown, time.monotonic() - started)


def rows_of(chosen: Sequence[Case], trials: int, seed: int) -> list[Row]:
    """The rows of some cases, on all processors."""
    tasks = [(case, size, trials, seed) for case in chosen for size in SIZES]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(simulate, *zip(*tasks, strict=True)))
    width = len(SIZES)
    return [
        Row(
            case.name,
            case.rule.severity,
            case.rule.statistic.value,
            tuple(case.figure(size) for size in SIZES),
            tuple(found[place * width : (place + 1) * width]),
            _counted(case),
        )
        for place, case in enumerate(chosen)
    ]


def _counted(case: Case) -> int:
    """For how many of a candidate and its reference a session without a baseline asks the rule."""
    if case.precision is not None or case.rule.versus is Role.BASELINE:
        return 0
    return len({Role.CANDIDATE, Role.REFERENCE} & set(case.rule.roles))


def deciding(policy: Policy) -> list[str]:
    """The names of the rows that a page must have for a policy."""
    return [it.name for it in cases(policy)]
