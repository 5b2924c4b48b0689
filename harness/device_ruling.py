"""What a machine that stands in for a device leaves decided of its budgets."""

from harness.device import Device, Machine, gain_by_cores, shortage, speed_doubt
from harness.evidence import Evidence
from harness.finding import Outcome
from harness.policy import Limit, Rule
from harness.stats.intervals import Estimate


def on_device(
    rule: Rule, limit: Limit | None, found: Estimate, outcome: Outcome, evidence: Evidence
) -> tuple[Outcome, str]:
    """How a rule comes out on the device, and what to add to the sentence that says why.

    Memory and disk are the same everywhere. A speed is judged on the device's own architecture
    only; where the machine has less than the device, what is fast enough is so all the more there,
    and what is too slow is so only where no core more could mend it.
    """
    device, machine = evidence.device, evidence.machine
    is_speed = rule.budget is not None and rule.budget.is_speed
    if limit is None or not is_speed or device is None or machine is None:
        return outcome, ""
    if doubt := speed_doubt(device, machine):
        return Outcome.INCONCLUSIVE, f"; it {doubt}"
    lack = shortage(device, machine)
    if outcome is Outcome.FAIL and lack and not _is_hopeless(limit, found, device, machine):
        return Outcome.INCONCLUSIVE, f"; {lack}, and the device may be faster"
    return outcome, f"; {lack}" if lack else ""


def _is_hopeless(limit: Limit, found: Estimate, device: Device, machine: Machine) -> bool:
    """Whether it is beyond its limit even if all that the device has more made it faster."""
    gain = gain_by_cores(device, machine)
    best = found.upper * gain if limit.at_least is not None else found.lower / gain
    return not limit.holds(best)
