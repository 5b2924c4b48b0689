"""``python -m harness``: what can be done with no device.

``judge`` gives the verdict again from stored evidence, ``data check`` finds what is wrong with
domain data, ``device`` writes a profile of this machine, ``cache`` lists what is kept on disk,
``error-rates`` says how often a policy's rules err.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from harness.cache_command import add_arguments as add_cache_arguments
from harness.cache_command import show_cache
from harness.comparison import compare
from harness.data_command import add_arguments, check_data
from harness.device_command import add_arguments as add_device_arguments
from harness.device_command import describe_device
from harness.error_rates import command as rates_command
from harness.errors import ConfigError, HarnessError
from harness.finding import against
from harness.report import variants_of
from harness.reporters.comparison import sentences
from harness.store import read_evidence, read_policy
from harness.verdict import judge


class _Parser(argparse.ArgumentParser):
    """Ends with the status of a user's mistake, as `pytest suites/` does."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(ConfigError.exit_status, f"error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, what the command says, or that of the error."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return status


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m harness", description="What can be done with no device.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("judge", help="judge stored evidence by a policy")
    command.add_argument("evidence", type=Path, help="evidence.json of a run")
    command.add_argument("--policy", type=Path, required=True, help="policy to judge by")
    command.set_defaults(run=_judge)
    command = commands.add_parser("error-rates", help="how often the rules of a policy err")
    rates_command.add_arguments(command)
    command.set_defaults(run=rates_command.error_rates)
    data = commands.add_parser("data", help="domain data").add_subparsers(
        required=True, metavar="COMMAND"
    )
    command = data.add_parser("check", help="find what is wrong with domain data")
    add_arguments(command)
    command.set_defaults(run=check_data)
    command = commands.add_parser("cache", help="list what is kept on disk, and remove it")
    add_cache_arguments(command)
    command.set_defaults(run=show_cache)
    command = commands.add_parser("device", help="describe this machine as a device profile")
    add_device_arguments(command)
    command.set_defaults(run=describe_device)
    return parser


def _judge(options: argparse.Namespace) -> int:
    """Print the verdict and what stands against it; its status, as `pytest suites/` gives it."""
    evidence = read_evidence(options.evidence)
    verdict = judge(evidence, read_policy(options.policy))
    for name, it in verdict.variants.items():
        print(f"{name}: {it.decision}")
        for finding in against(it.findings):
            print(f"  {finding.outcome} {finding.rule}: {finding.reason}")
    for sentence in sentences(compare(variants_of(evidence, verdict))):
        print(sentence)
    print(verdict.decision)
    return verdict.decision.exit_status


if __name__ == "__main__":
    sys.exit(main())
