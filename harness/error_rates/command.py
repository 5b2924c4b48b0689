"""``python -m harness error-rates``: how often the rules of a policy err, by simulation."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from harness.error_rates.case import SIZES, Case, cases, waived
from harness.error_rates.page import Section, page, read_rows, table_lines
from harness.error_rates.simulation import is_known, simulate
from harness.error_rates.table import Row
from harness.errors import ConfigError
from harness.policy import Policy
from harness.release import Role
from harness.store import read_device, read_policy, write_text

TRIALS = 4000

_ROOT = Path(__file__).resolve().parents[2]
PAGE = _ROOT / "docs" / "error-rates.md"
POLICIES = (_ROOT / "fixtures/policies/gate.toml", _ROOT / "fixtures/policies/ci.toml")
"""The policies on the page; of all but the first there are fewer trials."""

DEVICE = "laptop-8gb"
"""The device whose budgets are on the page."""

FLOOR = 0.8
"""The share of right answers that a release states on the page."""

_LESS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add = parser.add_argument
    add("--policy", type=Path, metavar="FILE", help="whose rules (default: the gate's)")
    add("--rule", default="", metavar="ID", help="only rules whose ids begin so")
    add("--trials", type=int, default=TRIALS, help="of each row; fewer where a trial takes long")
    add("--seed", type=int, default=0)
    add(
        "--write", action="store_true", help="write docs/error-rates.md, whole or those rules of it"
    )


def error_rates(options: argparse.Namespace) -> int:
    """Print the table of one policy, or write the page of all; 0.

    Raises ConfigError for a rule that does not decide in the policy, and options that say nothing.
    """
    if options.trials < 1:
        raise ConfigError(f"--trials must be at least 1: found {options.trials}")
    if options.write and options.policy:
        raise ConfigError("--write is for the page of the gate's own policies: leave out --policy")
    started = time.monotonic()
    if options.write:
        _write(options)
    else:
        policy = read_policy(options.policy or POLICIES[0])
        print("\n".join(table_lines(_measured(policy, options.trials, options.seed, options.rule))))
    print(f"simulated in {time.monotonic() - started:,.0f} seconds", file=sys.stderr)
    return 0


def _write(options: argparse.Namespace) -> None:
    """The whole page, or of some rules the rows alone and all others as they stand there."""
    text = PAGE.read_text(encoding="utf-8") if options.rule and PAGE.exists() else ""
    sections = []
    for number, path in enumerate(POLICIES):
        policy, trials = read_policy(path), max(1, options.trials // (1 + _LESS * number))
        known = {row.name: row for row in read_rows(text, path.name)}
        known |= {it.name: it for it in _measured(policy, trials, options.seed, options.rule)}
        rows = [known[it.name] for it in deciding(policy) if it.name in known]
        unknown = [it.name for it in deciding(policy) if not is_known(it)]
        sections.append(Section(path.name, rows, waived(policy), unknown))
    PAGE.parent.mkdir(exist_ok=True)
    write_text(PAGE, page(sections))
    print(f"wrote {PAGE}")


def _measured(policy: Policy, trials: int, seed: int, rule: str) -> list[Row]:
    """The rows of a policy, or of those of its rules whose ids begin so."""
    chosen = [it for it in deciding(policy) if it.rule.id.startswith(rule)]
    if not chosen:
        names = ", ".join(dict.fromkeys(it.rule.id for it in deciding(policy)))
        raise ConfigError(f"no rule {rule!r} decides in {policy.name}; those that do: {names}")
    return rows_of([it for it in chosen if is_known(it)], trials, seed)


def deciding(policy: Policy) -> list[Case]:
    """The cases of a policy, with the budgets of the device and the floor on the page."""
    return cases(policy, read_device(DEVICE, _ROOT, _ROOT / "fixtures/devices"), FLOOR)


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
