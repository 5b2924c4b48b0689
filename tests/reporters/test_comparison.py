from dataclasses import replace

from harness.comparison import compare
from harness.flip import Flip
from harness.release import Precision, Role
from harness.reporters.comparison import HEADERS, absent, rows, sentences
from harness.verdict import Decision
from tests.variants import reported, unbuilt

VARIANTS = {
    "fp32": reported(Precision.FP32, 9.4, role=Role.REFERENCE),
    "int8": reported(Precision.INT8, 5.1, itl=0.6, ttft=0.94),
    "int8-graph": reported(Precision.INT8, 5.2, Decision.NO_GO, itl=21.0, ttft=0.94),
    "awq": unbuilt("Olive offers it on CUDA alone"),
}


def cells(name):
    found = {row[0]: row for row in rows(compare(VARIANTS))}
    return dict(zip(HEADERS, found[name], strict=True))


def test_what_is_needless_is_said_with_its_factors_and_what_to_take():
    assert sentences(compare(VARIANTS)) == [
        "dominated: int8-graph is 1.02 times larger and 35 times slower between tokens than int8, "
        "and better in nothing that matters",
        "recommended: int8, the smallest that passes (5.10 MiB)",
    ]


def test_where_nothing_passes_nothing_is_recommended():
    found = compare({name: it for name, it in VARIANTS.items() if name != "int8"})
    assert sentences(found)[-1] == "recommended: none, for no candidate passes"


def test_a_single_candidate_is_compared_with_nothing():
    found = compare({name: VARIANTS[name] for name in ("fp32", "int8")})
    assert sentences(found) == []


def test_a_row_holds_figures_beside_what_is_claimed():
    row = cells("int8-graph")
    assert (row["size"], row["of the reference"], row["commonly claimed"]) == (
        "5.20 MiB",
        "0.553 x",
        "0.25 x",
    )
    assert (row["ITL"], row["dominated by"]) == ("21 x", "int8")


def test_a_variant_that_could_not_be_built_is_a_row_with_its_reason_below():
    assert cells("awq")["size"] == "-"
    assert absent(compare(VARIANTS)) == ["not there: Olive offers it on CUDA alone"]


def test_flips_are_counted_both_ways_where_items_were_asked():
    flips = tuple(
        Flip("int8", "q", "airports", "?", "LIS", "a", "b", mine, 1 - mine) for mine in (0, 0, 1)
    )
    found = compare(VARIANTS | {"int8": replace(VARIANTS["int8"], flips=flips)})
    shown = {row[0]: dict(zip(HEADERS, row, strict=True))["flips"] for row in rows(found)}
    assert shown == {"fp32": "-", "int8": "-2 +1", "int8-graph": "-0 +0", "awq": "-"}
