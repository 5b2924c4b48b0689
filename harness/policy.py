"""A policy: which checks must have run, and what their figures may be."""

import math
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum

from harness.device import Budget, Device
from harness.durations import seconds_of
from harness.errors import ConfigError
from harness.release import Precision, Role
from harness.statistic import Statistic
from harness.stats.steady import WINDOW


class Severity(StrEnum):
    """What a rule's outcome does to the verdict.

    A critical rule must be shown to hold: its whole interval lies within the limit. A guard is
    broken by evidence of harm: its whole interval lies beyond the limit. It passes where its figure
    is within the limit, and is undecided where the figure lies beyond it and the interval does not.
    Info never decides.
    """

    CRITICAL = "critical"
    GUARD = "guard"
    INFO = "info"


class Unseen(StrEnum):
    """What follows where there are too few items to see what `Rule.seen_loss` names."""

    REMARK = "remark"  # the sentence of the finding says what can be seen
    INCONCLUSIVE = "inconclusive"


class Claim(StrEnum):
    """What a gain is shown of: the bank's items alone, or what they are drawn from."""

    POPULATION = "population"  # questions like the bank's, of which its items are independent draws
    BANK = "bank"  # these very items, whatever goes together among them


@dataclass(frozen=True, slots=True)
class Limit:
    """A closed bound on one side; exactly one of the two is set."""

    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ConfigError("a limit needs exactly one of at_most and at_least")
        if not math.isfinite(self.value):
            raise ConfigError(f"a limit must be a finite number: found {self.value}")

    @property
    def value(self) -> float:
        """The bound itself."""
        bound = self.at_most if self.at_least is None else self.at_least
        assert bound is not None
        return bound

    def holds(self, figure: float) -> bool:
        """Whether a figure is within the bound."""
        return figure <= self.value if self.at_most is not None else figure >= self.value


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must hold of one metric.

    `subject` is what the sentence of a finding speaks of ("time between tokens"). `precision` holds
    limits for variants of one precision in place of the general one. `versus` says beside whom the
    values must have been taken: the reference, or the baseline, where the release has one. With
    `needs_source` the rule is about the checkpoint that variants are made from, and undecided where
    the release names none (see `Policy`). The confidence of the interval is two-sided. `waived`
    says why it is accepted that the rule fails or is not decided, which is then shown and does not
    decide; empty where it is not.
    `claim` says what a gain is shown of. A rule with a `budget` has its limit from the release's
    device, and only shows its figure where the release names none; so does one with `floor`, whose
    limit is the share of right answers that the release's data state.
    A test of harm in slices or of faults is asked enough items to see a loss of `seen_loss` points
    `power` of the times; 0 asks for none. `unseen` says what follows where there are not so many;
    faults that are more than is allowed and no proof of harm are then undecided anyhow.
    """

    id: str
    subject: str
    metric: str
    statistic: Statistic
    severity: Severity = Severity.CRITICAL
    at_most: float | None = None
    at_least: float | None = None
    precision: dict[Precision, Limit] = field(default_factory=dict)
    roles: tuple[Role, ...] = (Role.CANDIDATE,)
    versus: Role = Role.REFERENCE
    needs_source: bool = False
    minimum_samples: int = 1
    confidence: float = 0.90
    hint: str = ""
    waived: str = ""
    claim: Claim = Claim.POPULATION
    budget: Budget | None = None
    floor: bool = False
    seen_loss: float = 0.0
    power: float = 0.95
    unseen: Unseen = Unseen.REMARK

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise ConfigError(
                f"rule {self.id}: confidence must be 0.5 to under 1: found {self.confidence}"
            )
        if self.minimum_samples < 1:
            raise ConfigError(
                f"rule {self.id}: minimum_samples must be at least 1: found {self.minimum_samples}"
            )
        if not self.roles:
            raise ConfigError(f"rule {self.id}: roles must name one at least, or nothing is judged")
        if self.waived and not self.waived.strip():
            raise ConfigError(
                f"rule {self.id}: waived must say why a failure is accepted: found blanks"
            )
        if self.versus is Role.CANDIDATE:
            raise ConfigError(
                f"rule {self.id}: versus must be 'reference' or 'baseline': found 'candidate'"
            )
        self._require_bound()
        self._require_size()

    def _require_bound(self) -> None:
        """A limit of the kind that the statistic needs, here or stated elsewhere."""
        if self.budget is not None:
            self._require_no_limit(f"the device's {self.budget}", "the budget")
        elif self.floor:
            self._require_no_limit("the floor that the release states", "floor")
        elif not self.is_figure_only:
            self._require_limits(Limit(self.at_most, self.at_least))
        if self.statistic in _TESTED:
            self._require_margin()
        if self.statistic is Statistic.BEYOND_CHANCE:
            self._require_gain()

    def _require_no_limit(self, stated: str, key: str) -> None:
        if self.precision or not self.at_most is self.at_least is None:
            raise ConfigError(
                f"rule {self.id}: its limit is {stated}: remove at_most, at_least and precision, "
                f"or {key}"
            )
        if self.floor and (self.budget is not None or self.statistic not in SHARES):
            raise ConfigError(
                f"rule {self.id}: floor is for {' or '.join(SHARES)} without a budget: found "
                f"{self.statistic}{' and a budget' if self.budget is not None else ''}"
            )

    def _require_limits(self, general: Limit) -> None:
        for precision, limit in self.precision.items():
            if (limit.at_most is None) != (general.at_most is None):
                raise ConfigError(
                    f"rule {self.id}: the limit for {precision} must be on the same side as the "
                    "general one, both at_most or both at_least"
                )

    def _require_margin(self) -> None:
        """What a test needs: a loss that is allowed, and of slices harm as all it can show."""
        general = [] if self.is_figure_only else [Limit(self.at_most, self.at_least)]
        for limit in (*general, *self.precision.values()):
            if limit.at_least is None or not -100 < limit.at_least < 0:
                raise ConfigError(
                    f"rule {self.id}: {self.statistic} needs at_least under 0 and over -100, the "
                    f"points that it may lose: found {limit.value}"
                )

    def _require_gain(self) -> None:
        """What a test against guessing needs: by how many points it must be better, 0 or more."""
        general = [] if self.is_figure_only else [Limit(self.at_most, self.at_least)]
        for limit in (*general, *self.precision.values()):
            if limit.at_least is None or not 0 <= limit.at_least < 100:
                raise ConfigError(
                    f"rule {self.id}: {self.statistic} needs at_least from 0 to under 100, the "
                    f"points beyond chance that must be exceeded: found {limit.value:g}"
                )

    def _require_size(self) -> None:
        """What a screen needs: it shows harm only, of a loss that is more than is allowed."""
        if self.statistic not in _SCREENS:
            if self.seen_loss:
                raise ConfigError(f"rule {self.id}: seen_loss is for {', '.join(_SCREENS)}")
            return
        if self.severity is Severity.CRITICAL:
            raise ConfigError(
                f"rule {self.id}: a screen of slices or faults shows harm only: severity must be "
                "'guard' or 'info', found 'critical'"
            )
        limits = [] if self.is_figure_only else [Limit(self.at_most, self.at_least)]
        allowed = max((abs(it.value) for it in (*limits, *self.precision.values())), default=0.0)
        if self.seen_loss and not allowed < self.seen_loss < 100:
            raise ConfigError(
                f"rule {self.id}: seen_loss must be more than the {allowed:g} points that are "
                f"allowed, and under 100: found {self.seen_loss:g}"
            )
        if not 0.5 <= self.power < 1:
            raise ConfigError(f"rule {self.id}: power must be 0.5 to under 1: found {self.power}")

    @property
    def suite(self) -> str:
        """The suite that measures it."""
        return self.metric.partition(".")[0]

    @property
    def is_figure_only(self) -> bool:
        """Whether the rule has no bound and only puts its figure into the report."""
        unbounded = self.at_most is None and self.at_least is None
        return unbounded and self.severity is Severity.INFO

    def on(self, device: Device | None, floor: float | None = None) -> "Rule":
        """The rule as it judges a release for this device, whose data state this floor."""
        if self.floor:
            severity = Severity.INFO if floor is None else self.severity
            return replace(self, severity=severity, floor=False, at_least=floor)
        if self.budget is None or device is not None:
            return self
        return replace(self, severity=Severity.INFO, budget=None)

    def limit(self, precision: Precision | None, device: Device | None = None) -> Limit | None:
        """The bound for a variant of this precision; None where there is only a figure."""
        if self.budget is not None and device is not None:
            bound = device.budget(self.budget)
            return Limit(at_least=bound) if self.budget.is_floor else Limit(at_most=bound)
        if self.budget is not None or self.floor or self.is_figure_only:
            return None
        general = Limit(self.at_most, self.at_least)
        return general if precision is None else self.precision.get(precision, general)


SHARES = (Statistic.SCORE, Statistic.SHARE)
"""Statistics that a floor can be the limit of."""

_TESTED = (Statistic.SEQUENTIAL_GAIN, Statistic.WORST_SLICE)
_SCREENS = (Statistic.WORST_SLICE, Statistic.NEW_FAULTS)
_MAY_BE_ZERO = (
    "latency_warmup_pairs",
    "latency_uptime_pairs",
    "memory_doublings",
    "scaling_turns",
    "scaling_longest_tokens",
    "source_longest_tokens",
    "accuracy_items",
    "edge_token_ids",
    "edge_unicode",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured; more narrows the intervals and costs time."""

    latency_pairs: int = 16  # of answers, in each fresh pair of processes
    latency_least_processes: int = 4  # pairs of them, even where all is decided sooner
    latency_processes: int = 24  # pairs of them at most, disturbed ones included
    latency_warmup_pairs: int = 40  # at most in each, where it is not steady sooner
    latency_uptime_pairs: int = 80  # one after the other in one pair of processes; 0: no drift
    load_repetitions: int = 5  # at least, in fresh pairs of processes
    device_answers: int = 60  # 59 are the least that show where 95 % of them lie
    memory_cycles: int = 40  # of 20 requests
    memory_doublings: int = 2  # as often is a run doubled that grows, but ever slower
    memory_reloads: int = 5
    scaling_repetitions: int = 5
    scaling_turns: int = 4  # as often at most is measured again what a guard leaves in doubt
    scaling_longest_tokens: int = 0  # the ladder ends there; 0: at the context's end
    source_longest_tokens: int = 0  # the source is asked up to here; 0: to the ladder's end
    scaling_texts: int = 3  # whose logits are compared, at every length
    accuracy_items: int = 0  # at most; 0: every item of the bank
    accuracy_least_items: int = 200  # even where all is decided sooner
    keep_reference_replies: bool = True  # and what the source said, on disk for later sessions
    precision_items: int = 200
    edge_examples: int = 25  # texts that Hypothesis tries
    edge_chats: int = 5  # chats that it tries
    edge_chat_steps: int = 8
    edge_token_ids: int = 0  # tried in prompts, drawn from a larger vocabulary; 0: all of it
    precision_windows: int = 20  # of a text that the release names
    source_items: int = 60  # that the source is asked too
    foundry_items: int = 2  # of every slice
    default_items: int = 24  # of all slices, asked twice with no options set
    contract_prompts: int = 12  # that sampling options are tried on
    repeat_rate: float = 0.0075  # of requests gone wrong, that repeats must see at 95 %
    edge_unicode: int = 0  # texts of each class of Unicode, in random order; 0: all
    disturbed_share: float = 0.6  # of all processor time that others may use: over one of two cores
    deadline_seconds: float = 120.0
    budget: str = ""  # of a session, say "30m"; none: as long as it takes

    def __post_init__(self) -> None:
        if self.budget:
            seconds_of(self.budget)
        if not 0 < self.deadline_seconds < math.inf:
            raise ConfigError(f"deadline_seconds must be over 0: found {self.deadline_seconds}")
        if not 0 < self.disturbed_share <= 1:
            raise ConfigError(
                f"disturbed_share must be over 0 and at most 1: found {self.disturbed_share}"
            )
        if not 0 < self.repeat_rate < 1:
            raise ConfigError(f"repeat_rate must be over 0 and under 1: found {self.repeat_rate}")
        if 0 < self.latency_warmup_pairs < WINDOW:
            raise ConfigError(
                f"latency_warmup_pairs must be 0, or at least {WINDOW} to see whether they are "
                f"steady: found {self.latency_warmup_pairs}"
            )
        if self.latency_least_processes > self.latency_processes:
            raise ConfigError(
                f"latency_least_processes must be at most latency_processes "
                f"({self.latency_processes}): found {self.latency_least_processes}"
            )
        for name in (it.name for it in fields(self) if it.type is int):
            least = 0 if name in _MAY_BE_ZERO else 1
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}: found {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides: required checks by id (``suite.check``) and rules by id.

    `without_source` says why it is accepted that a release names no checkpoint, so that what needs
    one is not checked; that is shown and does not decide. Empty where it is not accepted. What
    looks at less than a release takes `publishes` nothing, though its GO is one.
    """

    name: str
    required: tuple[str, ...]
    rules: tuple[Rule, ...]
    plan: Plan = field(default_factory=Plan)
    without_source: str = ""
    publishes: bool = True

    def __post_init__(self) -> None:
        if self.without_source and not self.without_source.strip():
            raise ConfigError("without_source must say why that is accepted: found blanks")
        for check in self.required:
            if "." not in check.strip("."):
                raise ConfigError(
                    f"required must list checks as 'suite.check', say 'latency.load_time': "
                    f"found {check!r}"
                )

    def require_floor(self, floor: float | None) -> None:
        """Raise ConfigError where the data state a floor and no rule holds a candidate to it."""
        judging = (it for it in self.rules if it.floor and it.severity is not Severity.INFO)
        if floor is not None and not any(Role.CANDIDATE in it.roles for it in judging):
            raise ConfigError(
                f"[data] floor needs a rule that holds candidates to it, and the policy "
                f"{self.name!r} has none: give its rule on accuracy.correct floor = true in "
                f"place of a limit, or remove [data] floor: found {floor:g}"
            )
