"""What a session will take is said before it takes it, and a budget is kept."""


def test_a_plan_says_time_memory_and_what_can_be_decided_and_measures_nothing(gate):
    ended = gate.run("--plan")
    assert ended.status == 0, ended.output
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
    assert "within the budget of 1 s: scaling_longest_tokens 512, not 1100" in ended.output
    assert "the budget of 1 s leaves prompts over 512 tokens unmeasured" in ended.output


def test_what_is_cheap_and_fatal_comes_first_within_a_budget(gate):
    ended = gate.run("--budget", "1s", "--collect-only", "-q")
    order = [line.split("::")[0] for line in ended.output.splitlines() if "::" in line]
    assert list(dict.fromkeys(order))[:2] == [
        "suites/test_packaging.py",
        "suites/test_precision.py",
    ]


def test_a_budget_that_is_no_time_is_a_mistake_of_one_line(gate):
    ended = gate.run("--budget", "soon", suites="suites/test_packaging.py")
    assert ended.status == 4
    assert "a budget is a time such as 90s, 30m or 6h: found 'soon'" in ended.output
    assert ended.report == {}


def test_a_variant_that_does_not_answer_leaves_no_estimate_and_is_judged_all_the_same(gate):
    broken = gate.copy("int4", "broken")
    (broken / "model.onnx").write_bytes(b"no model")
    ended = gate.run("--plan", broken=broken)
    assert ended.status == 0
    assert "nothing can be said of the time that this takes: broken:" in ended.output
