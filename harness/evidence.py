"""Evidence: all that a run found out, enough to judge it again with no device."""

from dataclasses import dataclass
from enum import StrEnum

from harness.conditions import Conditions
from harness.device import Device, Machine
from harness.flip import Flip
from harness.measurement import Measurement
from harness.release import Precision, Role
from harness.variant import Quantization

SCHEMA = 8
"""History: 1, the first (November 2026); 2, with the conditions at start and end,
remarks, and more of each measurement (warm-ups, looks, beside whom); 3, with whether the release
names the source of its variants; 4, with flips; 5, with the process
that each value was taken in; 6, with the floor that the release states, scores by chance, and
whether the model is asked in chats; 7, with figures of another meaning; 8, with short requests that
are taken again after as many long ones."""


NOT_JUDGED = "no rule of the policy is about it"
"""The reason where nothing was asked of a variant, for nobody would judge it."""

NO_SOURCE = "the release names no [model]"
"""Why nothing is held against the checkpoint that variants are made from."""

NO_CHATS = "the model is asked as plain text"
"""Why what needs chats is not applicable."""


class CheckOutcome(StrEnum):
    """How one check of a suite ended for one variant."""

    MEASURED = "measured"  # it ran to its end; the rules say what its figures mean
    FAILED = "failed"  # an assertion that must hold for any model did not
    CRASHED = "crashed"  # the variant's process died, hung or refused
    ABSENT = "absent"  # it ran to its end, and there was nothing to measure
    SKIPPED = "skipped"  # skipped or xfailed: not measured
    ERROR = "error"  # the harness or the machine could not measure


@dataclass(frozen=True, slots=True)
class Check:
    """What became of one check; `reason` is one line, empty where it was measured."""

    suite: str
    name: str
    variant: str
    outcome: CheckOutcome
    reason: str = ""

    @property
    def id(self) -> str:
        """``suite.name``, as policies require it."""
        return f"{self.suite}.{self.name}"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is known of a variant besides its measurements.

    `digest` is empty when there is no variant; `problem` then says why, in one line.
    """

    role: Role
    precision: Precision | None
    digest: str = ""
    problem: str = ""
    size_bytes: int = 0
    quantization: tuple[Quantization, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that `harness.verdict.judge` looks at.

    `subjects` names every variant of the release, whether it ran or not. `environment` is the
    fingerprint at the session's start; a measurement taken in another is not compared.
    `trouble` lists what concerns the whole session (interrupted, collection failed). `conditions`
    are those at its start and end, and `remarks` what was measured twice, for the reader, as are
    all `flips` of answers.
    `device` is the profile whose budgets count, `machine` what stood in for it.
    `floor` is the share of right answers that the release's data state, if they do.
    `has_source` says whether the release names the checkpoint that variants are made from,
    `is_chat` whether the model is asked in chats: what needs some is else not applicable.
    """

    release: str
    subjects: dict[str, Subject]
    environment: str
    checks: tuple[Check, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    trouble: tuple[str, ...] = ()
    conditions: tuple[Conditions, ...] = ()
    remarks: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()
    has_source: bool = False
    is_chat: bool = True
    device: Device | None = None
    machine: Machine | None = None
    floor: float | None = None
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        named = [it.variant for it in self.checks] + [it.variant for it in self.measurements]
        named += [it.variant for it in self.flips]
        named += [it.beside for it in self.measurements if it.beside]
        for name in named:
            if name not in self.subjects:
                raise ValueError(f"evidence on {name!r}, which the release does not name")

    @property
    def reference(self) -> str:
        """The reference's name."""
        return next(name for name, it in self.subjects.items() if it.role is Role.REFERENCE)
