import math
from pathlib import Path

import pytest

from harness.device import Budget
from harness.errors import ConfigError
from harness.policy import Limit, Plan, Policy, Rule, Severity
from harness.release import Precision
from harness.statistic import Statistic
from harness.store import read_policy

GATE = Path(__file__).parent.parent / "fixtures" / "policies" / "gate.toml"


def rule(**changes):
    parts = {"id": "a.b", "subject": "b", "metric": "a.b", "statistic": Statistic.MEAN}
    return Rule(**{**parts, "at_most": 1.0, **changes})


def test_the_gates_own_policy_can_be_met_by_data_without_slices():
    policy = read_policy(GATE)
    rules = {it.id: it for it in policy.rules}
    assert rules["foundry.answers"].minimum_samples <= policy.plan.foundry_items


def test_the_policy_for_prebuilt_folders_is_the_gates_but_for_what_it_accepts():
    gate, prebuilt = read_policy(GATE), read_policy(GATE.with_name("prebuilt.toml"))
    assert (prebuilt.required, prebuilt.rules, prebuilt.plan) == (
        gate.required,
        gate.rules,
        gate.plan,
    )
    assert (gate.without_source, bool(prebuilt.without_source)) == ("", True)
    with pytest.raises(ConfigError, match="without_source must say why"):
        Policy("a", (), (), without_source=" ")


@pytest.mark.parametrize("bound", [math.nan, math.inf, -math.inf])
def test_a_limit_that_nothing_or_everything_is_within_is_refused(bound):
    with pytest.raises(ConfigError, match="finite"):
        rule(at_most=bound)
    with pytest.raises(ConfigError, match="finite"):
        Limit(at_least=bound)


def test_a_limit_of_one_precision_is_on_the_side_of_the_general_one():
    with pytest.raises(ConfigError, match="int8 must be on the same side"):
        rule(precision={Precision.INT8: Limit(at_least=0.02)})
    assert rule(precision={Precision.INT8: Limit(at_most=0.02)})


@pytest.mark.parametrize(
    ("limit", "within", "beyond"),
    [(Limit(at_most=1.0), 1.0, 1.1), (Limit(at_least=1.0), 1.0, 0.9)],
)
def test_a_limit_holds_up_to_its_bound(limit, within, beyond):
    assert limit.holds(within)
    assert not limit.holds(beyond)


def test_a_precision_has_its_own_limit_or_the_general_one():
    judged = rule(precision={Precision.INT8: Limit(at_most=0.02)})
    assert judged.limit(Precision.INT8) == Limit(at_most=0.02)
    assert judged.limit(Precision.INT4) == judged.limit(None) == Limit(at_most=1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confidence": 1.0}, "confidence must be 0.5 to under 1: found 1.0"),
        ({"confidence": math.nan}, "under 1: found nan"),
        ({"waived": "  "}, "waived must say why a failure is accepted: found blanks"),
        ({"minimum_samples": 0}, "minimum_samples must be at least 1: found 0"),
        ({"at_most": None}, "a limit needs exactly one of at_most and at_least"),
    ],
)
def test_a_rule_that_cannot_be_judged_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        rule(**changes)


def test_only_info_does_without_a_limit():
    figure = rule(at_most=None, severity=Severity.INFO)
    assert figure.is_figure_only
    assert figure.limit(Precision.INT4) is None
    assert not rule(severity=Severity.INFO).is_figure_only


def test_a_floor_that_the_release_states_is_the_limit_and_without_one_there_is_a_figure_only():
    asked = rule(statistic=Statistic.SCORE, at_most=None, floor=True)
    assert asked.limit(None) is None
    stated = asked.on(None, 0.8)
    assert (stated.severity, stated.limit(None)) == (Severity.CRITICAL, Limit(at_least=0.8))
    silent = asked.on(None)
    assert (silent.severity, silent.limit(None)) == (Severity.INFO, None)
    assert rule().on(None, 0.8) == rule()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "its limit is the floor that the release states: remove at_most, .* or floor"),
        ({"at_most": None, "statistic": Statistic.MEAN}, "floor is for score or share .* mean"),
        ({"at_most": None, "budget": Budget.PEAK}, "floor is for .* found score and a budget"),
    ],
)
def test_a_floor_that_cannot_be_the_limit_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        rule(**{"statistic": Statistic.SCORE, "floor": True, **changes})


def test_a_rule_for_no_role_is_refused():
    with pytest.raises(ConfigError, match="roles must name one"):
        rule(roles=())


@pytest.mark.parametrize(
    "name",
    [
        "latency_pairs",
        "load_repetitions",
        "memory_cycles",
        "scaling_repetitions",
        "precision_items",
        "foundry_items",
        "default_items",
        "contract_prompts",
    ],
)
def test_a_plan_to_measure_nothing_is_refused_by_name(name):
    with pytest.raises(ConfigError, match=f"{name} must be at least 1: found 0"):
        Plan(**{name: 0})


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, math.nan])
def test_a_rate_that_no_number_of_repeats_can_show_is_refused(rate):
    with pytest.raises(ConfigError, match="repeat_rate must be over 0 and under 1"):
        Plan(repeat_rate=rate)


@pytest.mark.parametrize("name", ["latency_warmup_pairs", "accuracy_items", "edge_unicode"])
def test_a_negative_count_is_refused_by_name(name):
    assert Plan(**{name: 0})
    with pytest.raises(ConfigError, match=f"{name} must be at least 0: found -1"):
        Plan(**{name: -1})


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf])
def test_a_deadline_that_no_request_can_meet_is_refused(seconds):
    with pytest.raises(ConfigError, match="deadline_seconds must be over 0"):
        Plan(deadline_seconds=seconds)


@pytest.mark.parametrize("required", ["accuracy.accuracy", ["accuracy"], ["accuracy."]])
def test_required_checks_are_named_with_their_suite(required):
    with pytest.raises(ConfigError, match="required must list checks"):
        Policy("test", tuple(required), ())


def test_a_warm_up_too_short_to_be_checked_is_refused():
    with pytest.raises(ConfigError, match="latency_warmup_pairs must be 0, or at least 10"):
        Plan(latency_warmup_pairs=5)


def test_what_the_gate_waives_a_policy_that_extends_it_can_take_back(tmp_path):
    waived = {it.id for it in read_policy(GATE).rules if it.waived}
    assert waived >= {"edge_cases.special_tokens", "edge_cases.nul", "edge_cases.normalizer"}
    path = tmp_path / "strict.toml"
    path.write_text(f'extends = "{GATE.as_posix()}"\n[rules."edge_cases.nul"]\nwaived = ""\n')
    strict = {it.id for it in read_policy(path).rules if it.waived}
    assert strict == waived - {"edge_cases.nul"}
