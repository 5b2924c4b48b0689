from dataclasses import replace

from harness.conditions import Conditions
from harness.environment import Power
from harness.finding import Finding, Outcome
from harness.policy import Severity
from harness.reporters import markdown


def test_markdown_holds_every_finding_and_breaks_no_table(report):
    text = markdown.render(report)
    assert text.startswith("# travel 1: NO-GO\n")
    assert "slow \\| slower" in text
    assert "`travel-int4-generic-cpu:1` in `published/x`" in text
    assert "int2 was not published: Foundry Local refused it" in text
    assert "onnxruntime 1.31.0" in text


def test_a_plot_beside_the_report_is_shown_with_its_variant(report):
    text = markdown.render(report, {"int4": "scaling-int4.svg"})
    _, _, section = text.partition("## int4")
    assert "](scaling-int4.svg)\n" in section.partition("## ")[0]
    assert text.count("![") == 1


def test_the_conditions_at_start_and_end_are_one_line_of_what_is_known(report):
    start = Conditions(0.0, 2, 100.0, 10.0, load_average=0.5, available_memory_bytes=3 * 2**30)
    end = Conditions(
        10.0,
        2,
        115.04,
        20.0,
        frequency_mhz=2600.4,
        governor="powersave",
        power=Power.BATTERY,
        temperature_celsius=71.4,
        throttle_count=3,
    )
    assert markdown.render(replace(report, conditions=(start, end))).endswith(
        "onnxruntime 1.31.0.\n\n"
        "At the start load 0.50, 3.0 GiB free; at the end 2600 MHz, governor powersave, "
        "power battery, 71 °C, throttled 3 times so far; "
        "others used 25% of the processors' time.\n"
    )


def test_conditions_that_nobody_looked_at_are_not_mentioned(report):
    assert markdown.render(report).endswith("onnxruntime 1.31.0.\n")


def test_a_risk_that_is_accepted_stands_above_the_table_of_its_variant(report):
    why = "NUL cuts the prompt; waived: known"
    risk = Finding("edge_cases.nul", "edge_cases", Severity.CRITICAL, Outcome.WAIVED, why)
    variants = {"int4": replace(report.variants["int4"], findings=(risk,))}
    text = markdown.render(replace(report, variants=variants))
    assert f"- **waived** {why} (`edge_cases.nul`)" in text


def test_several_candidates_are_compared_in_a_section_with_its_picture(report):
    text = markdown.render(report, pareto="comparison.svg")
    _, _, section = text.partition("\n## Comparison\n")
    section = section.partition("\n## ")[0]
    assert "| int4      | GO" in section
    assert "- recommended: int4" in section
    assert "](comparison.svg)\n" in section


def test_a_single_candidate_has_no_comparison(report):
    variants = {name: report.variants[name] for name in ("fp32", "int4")}
    assert "Comparison" not in markdown.render(replace(report, variants=variants))
