"""What a session will take is said before it takes it, and a budget is kept."""

import itertools


def test_a_plan_says_time_memory_and_what_can_be_decided_and_measures_nothing(gate):
    ended = gate.run("--plan")
    assert ended.status == 6, ended.output  # 0 would say GO
    for suite in ("scaling", "memory", "accuracy", "all"):
        assert f"\n{suite}" in ended.output
    assert "accuracy.gain: that no more than 3 points are lost is shown 8 times of 10" in (
        ended.output
    )
    assert "this will take about" in ended.output
    assert ended.report == {}
    assert ended.packages == []


def test_a_whole_gate_says_at_once_how_long_it_will_take(gate):
    ended = gate.run("--budget", "1s")
    told = ended.output.index("this will take about")
    assert told < ended.output.index("suites/test_packaging.py")


def test_what_a_budget_leaves_no_time_for_is_undecided_and_named(gate):
    ended = gate.run("--budget", "1s")
    assert ended.status == 6, ended.output
    assert ended.packages == []
    assert "the budget of 1 s leaves no time for it" in ended.reasons("int4")


def test_within_a_budget_each_suite_is_asked_of_all_variants_the_cheap_ones_first(gate):
    ended = gate.run("--budget", "1s", "--collect-only", "-q")
    suites = [line.split("::")[0] for line in ended.output.splitlines() if "::" in line]
    order = [suite for suite, _ in itertools.groupby(suites)]
    assert len(order) == len(set(order))
    assert order[:2] == ["suites/test_packaging.py", "suites/test_precision.py"]
    assert order[-1] == "suites/test_scaling.py"


def test_nothing_to_measure_is_no_crash(gate):
    assert gate.run("--budget", "5m", "-k", "nothing_of_this_name").status == 5


def test_a_budget_that_is_no_time_is_a_mistake_of_one_line(gate):
    ended = gate.run("--budget", "soon", suites="suites/test_packaging.py")
    assert ended.status == 4
    assert "a budget is a time such as 90s, 30m or 6h: found 'soon'" in ended.output
    assert ended.report == {}


def test_a_variant_that_does_not_answer_prevents_no_estimate(gate):
    broken = gate.copy("int4", "broken")
    (broken / "model.onnx").write_bytes(b"no model")
    ended = gate.run("--plan", broken=broken)
    assert ended.status == 6
    assert "this will take about" in ended.output


def test_what_is_cheap_is_measured_within_any_budget(gate):
    folder = gate.copy("int4", "empty")
    (folder / "genai_config.json").write_text("{}")
    ended = gate.run("--budget", "1s", empty=folder)
    assert ended.status == 1, ended.output
    assert "packaging" in ended.reasons("empty")
