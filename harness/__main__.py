"""``python -m harness judge``: the verdict again from stored evidence, with no device."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.finding import against
from harness.store import read_evidence, read_policy
from harness.verdict import judge


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is the verdict's, as `pytest suites/` gives it."""
    options = _parser().parse_args(arguments)
    try:
        return _judge(options.evidence, options.policy)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness", description="Judges the evidence of a run again, with no device."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("judge", help="judge stored evidence by a policy")
    command.add_argument("evidence", type=Path, help="evidence.json of a run")
    command.add_argument("--policy", type=Path, required=True, help="policy to judge by")
    return parser


def _judge(evidence: Path, policy: Path) -> int:
    verdict = judge(read_evidence(evidence), read_policy(policy))
    for name, it in verdict.variants.items():
        print(f"{name}: {it.decision}")
        for finding in against(it.findings):
            print(f"  {finding.outcome} {finding.rule}: {finding.reason}")
    print(verdict.decision)
    return verdict.decision.exit_status


if __name__ == "__main__":
    sys.exit(main())
