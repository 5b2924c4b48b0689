from dataclasses import replace

from harness.flip import Flip
from harness.reporters import markdown
from harness.reporters.flips import flip_table

LOST = Flip("int4", "q1", "air|ports", "Code of\nLisbon?", "LIS", "OPO", "LIS", 0.0, 1.0)
WON = replace(LOST, item="q2", answer="LIS", reference_answer="", score=1.0, reference_score=0.0)


def flipped(report, *flips):
    return replace(report.variants["int4"], flips=flips)


def test_lost_and_won_items_are_tables_of_both_answers(report):
    text = flip_table(flipped(report, LOST, WON))
    lost, won = text.split("### Wrong to right: 1\n")
    assert lost.startswith("### Right to wrong: 1\n")
    assert (
        "| q1     | air\\|ports | Code of Lisbon? | LIS        | LIS         | OPO      |" in lost
    )
    assert "| (nothing)   | LIS " in won


def test_many_are_counted_and_a_long_answer_is_cut(report):
    text = flip_table(flipped(report, *[replace(LOST, answer="x" * 500)] * 40))
    assert text.startswith("### Right to wrong: 40\n")
    assert text.endswith("\n\nand 28 more in report.json")
    assert max(map(len, text.splitlines())) < 400


def test_what_a_model_says_is_no_markup(report):
    text = flip_table(flipped(report, replace(LOST, answer="<b>*a*</b> `b` [c](d)")))
    assert "\\<b>\\*a\\*\\</b> \\`b\\` \\[c](d)" in text


def test_the_report_shows_them_with_their_variant(report):
    variants = {**report.variants, "int4": flipped(report, LOST)}
    text = markdown.render(replace(report, variants=variants))
    _, _, section = text.partition("## int4")
    assert "### Right to wrong: 1" in section.partition("\n## ")[0]
    assert text.count("### Right to wrong") == 1
