"""An interim look: what the policy's rules say of a check's measurements while it is measured."""

from collections.abc import Sequence

from harness.bench import Bench
from harness.evidence import Evidence, Subject
from harness.finding import Outcome
from harness.measurement import Measurement
from harness.policy import Policy
from harness.release import Role
from harness.verdict import judge_measurements


def undecided_rules(bench: Bench, measurements: Sequence[Measurement]) -> set[str]:
    """Ids of the rules that more values might decide."""
    recipe = bench.variant.recipe
    subjects = {bench.reference: Subject(Role.REFERENCE, None)}
    subjects[recipe.name] = Subject(recipe.role, recipe.precision)
    evidence = Evidence("", subjects, measurements[0].environment, floor=bench.floor)
    policy = Policy("", (), bench.rules)
    found = judge_measurements(tuple(measurements), recipe.name, evidence, policy)
    return {it.rule for it in found if it.decides and it.outcome is Outcome.INCONCLUSIVE}
