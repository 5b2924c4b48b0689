import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

from harness.comparison import compare
from harness.release import Precision, Role
from harness.reporters.pareto_plot import comparison_plot
from harness.verdict import Decision
from tests.variants import reported, unbuilt

VARIANTS = {
    "fp32": reported(Precision.FP32, 9.4, role=Role.REFERENCE),
    "int8": reported(Precision.INT8, 5.1, itl=0.6),
    "slow": reported(Precision.INT8, 5.2, Decision.NO_GO, itl=21.0),
    "int4": reported(Precision.INT4, 2.0, itl=0.62, gain=-0.5),
    "awq": unbuilt("no"),
}


def texts(svg):
    return {"".join(it.itertext()).strip() for it in ElementTree.fromstring(svg).iter() if it.text}


def test_every_variant_that_was_measured_has_its_name_and_the_axes_say_what_they_show():
    shown = texts(comparison_plot(compare(VARIANTS)))
    assert {"fp32", "int8", "slow", "int4", "Pareto front", "GO", "NO-GO", "20 x"} < shown
    assert {"size (MiB)", "time between tokens beside the reference"} < shown
    assert "awq" not in shown


def test_no_two_names_stand_on_each_other():
    crowd = {f"twin{n}": replace(VARIANTS["int8"], size_bytes=5_300_000 + n) for n in range(4)}
    svg = comparison_plot(compare(VARIANTS | crowd))
    heights = sorted(float(y) for y in re.findall(r' y="([\d.]+)"[^>]*>twin\d<', svg))
    assert len(heights) == 4
    assert min(b - a for a, b in pairwise(heights)) > 9


def test_the_same_figures_give_the_same_picture():
    assert comparison_plot(compare(VARIANTS)) == comparison_plot(compare(VARIANTS))


def test_two_variants_are_no_picture():
    assert comparison_plot(compare({name: VARIANTS[name] for name in ("fp32", "int8")})) is None
