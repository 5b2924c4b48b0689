"""An interim look at what is simulated, as suites have it while they measure."""

from dataclasses import replace

from harness.error_rates.case import CANDIDATE, REFERENCE, Case
from harness.finding import Outcome
from harness.measurement import Measurement
from harness.policy import Policy, Rule
from harness.verdict import judge_measurements


def outcome_of(case: Case, rule: Rule, taken: Measurement) -> Outcome:
    """As a session has it on the way, of a rule that decides."""
    policy = Policy("", (), (replace(rule, versus=case.evidence.subjects[REFERENCE].role),))
    found = judge_measurements((taken,), CANDIDATE, case.evidence, policy)
    return next((it.outcome for it in found if it.decides), Outcome.PASS)
