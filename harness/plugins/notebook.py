"""What a session found out so far, kept beside pytest's configuration."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.banks import remark as bank_remark
from harness.base_model import REMARK
from harness.builders.base import Built
from harness.conditions import Conditions
from harness.device import remarks
from harness.environment import Environment
from harness.errors import HarnessError
from harness.evidence import NO_SOURCE, Check, Evidence, Subject
from harness.finding import Outcome
from harness.listener import subject, summary
from harness.measurement import Measurement
from harness.plugins.options import Settings
from harness.probes.folder import file_sizes
from harness.stage import Stage
from harness.verdict import judge_measurements

_NOTHING = "the policy {!r} looks at less than a release takes, and publishes nothing"


@dataclass(slots=True)
class Notebook:
    """Filled in by hooks and fixtures while the session runs.

    `built` holds what there is to measure, by variant; `stage` is there once something is measured.
    Known once variants are built: whether the model is asked in chats (`is_chat`), and the
    checkpoint that they are made from (`source`), or why there is none.
    """

    settings: Settings
    environment: Environment
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    built: Built = field(default_factory=dict)
    is_chat: bool = True
    source: Path | None = None
    no_source: str = NO_SOURCE
    stage: Stage | None = None
    checks: list[Check] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    conditions: list[Conditions] = field(default_factory=list)

    def subject(self, name: str) -> Subject:
        """What is known of a variant of the release, built or not."""
        recipe = next(it for it in self.settings.recipes if it.name == name)
        found = self.built.get(name)
        if found is None:
            return Subject(recipe.role, recipe.precision, problem="it was not selected")
        if isinstance(found, HarnessError):
            return Subject(recipe.role, recipe.precision, problem=str(found))
        return Subject(
            recipe.role,
            found.recipe.precision,
            digest=found.digest,
            size_bytes=sum(file_sizes(found.directory).values()),
            quantization=found.quantization,
        )

    def watched(self, suite: str, name: str) -> tuple[Measurement, ...]:
        """Degenerate answers of a variant in a suite, in place of what was known of them before."""
        if self.stage is None:
            return ()
        listener, reference = self.stage.listener, self.settings.release.reference
        listener.hear_replies(self.stage.replies, self.stage.items)
        found = listener.measurement(suite, name, reference, self.environment.fingerprint)
        if found is None:
            return ()
        rest = [it for it in self.measurements if (it.metric, it.variant) != (found.metric, name)]
        self.measurements[:] = [*rest, found]
        findings = judge_measurements((found,), name, self.evidence(), self.settings.policy)
        is_broken = any(it.outcome is Outcome.FAIL for it in findings)
        remarks = [it for it in self.stage.remarks if not it.startswith(subject(found))]
        self.stage.remarks[:] = [*remarks, summary(found)] if is_broken else remarks
        return (found,)

    def evidence(self) -> Evidence:
        """Everything so far as one value."""
        settings = self.settings
        identity = settings.release.identity
        return Evidence(
            release=f"{identity.name}:{identity.version}",
            subjects={name: self.subject(name) for name in self.settings.release.variants},
            environment=self.environment.fingerprint,
            checks=tuple(self.checks),
            measurements=tuple(self.measurements),
            trouble=(*self.trouble, *(self.stage.cut_short if self.stage else ())),
            conditions=tuple(self.conditions),
            remarks=(*self._of_settings(), *self._remarks()),
            flips=tuple(self.stage.flips if self.stage else ()),
            has_source=self.settings.release.model is not None,
            is_chat=self.is_chat,
            device=settings.device,
            machine=settings.machine,
            floor=settings.release.data.floor,
        )

    def _of_settings(self) -> tuple[str, ...]:
        settings = self.settings
        on_device = remarks(settings.device, settings.machine)
        on_bank = bank_remark.remarks(settings.release.data, settings.items)
        on_policy = () if settings.policy.publishes else (_NOTHING.format(settings.policy.name),)
        return (*on_device, *on_bank, *on_policy)

    def _remarks(self) -> list[str]:
        base = [] if self.is_chat else [REMARK]
        return [*base, *(self.stage.remarks if self.stage else ())]


NOTEBOOK = pytest.StashKey[Notebook]()
