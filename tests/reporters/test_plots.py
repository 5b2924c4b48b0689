"""Plots as the text that they are."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from harness.evidence import Evidence, Subject
from harness.measurement import Measurement
from harness.release import Role
from harness.reporters.plots import scaling_plot, scaling_plots

LENGTHS = (32, 64, 128, 256, 512, 1000)
LABELS = tuple(str(length) for length in LENGTHS for _ in range(5))


def measured(metric, factor=1.0, references=True):
    noise = np.random.default_rng(1).lognormal(0, 0.1, len(LABELS))
    costs = [2 + 0.06 * float(label) for label in LABELS] * noise
    theirs = tuple(costs.tolist()) if references else ()
    values = tuple((factor * costs).tolist())
    beside = "fp32" if references else ""
    return Measurement(
        "scaling", metric, "int4", "ms", values, "here", theirs, LABELS, beside=beside
    )


TTFT, ITL = measured("scaling.ttft", 1.5), measured("scaling.itl", 0.8)


def texts(svg):
    return {"".join(it.itertext()).strip() for it in ElementTree.fromstring(svg).iter() if it.text}


def test_the_axes_say_what_they_show_and_in_which_unit():
    shown = texts(scaling_plot(TTFT, ITL))
    assert {
        "prompt length (tokens)",
        "time to first token (ms)",
        "time between tokens (ms)",
    } < shown
    assert {"32", "64", "128", "256", "512", "1,024"} < shown


def test_both_sides_have_their_names_and_the_formula_of_their_cost():
    shown = texts(scaling_plot(TTFT, ITL))
    assert {"int4", "fp32"} < shown
    formulas = [text for text in shown if re.fullmatch(r"(int4|fp32): .* k.* ms, k = .*", text)]
    assert len(formulas) == 2


def test_the_reference_is_shown_alone():
    alone = [measured(metric, references=False) for metric in ("scaling.ttft", "scaling.itl")]
    shown = texts(scaling_plot(*alone))
    assert "int4" in shown
    assert "fp32" not in shown


def test_the_same_values_give_the_same_picture():
    first = scaling_plot(TTFT, ITL)
    assert first == scaling_plot(TTFT, ITL)
    assert first != scaling_plot(measured("scaling.ttft", 1.6), ITL)
    assert not re.search(r"20\d\d-\d\d-\d\d", first)


def test_what_was_measured_again_is_not_drawn():
    again = replace(
        TTFT,
        values=(*TTFT.values, 1e6),
        reference_values=(*TTFT.reference_values, 1.0),
        labels=(*TTFT.labels, "512 again"),
    )
    assert scaling_plot(again, ITL) == scaling_plot(TTFT, ITL)


@pytest.mark.parametrize("lengths", [1, 2])
def test_a_short_ladder_is_drawn_without_a_fit(lengths):
    count = 5 * lengths
    few = [
        replace(
            it,
            values=it.values[:count],
            reference_values=it.reference_values[:count],
            labels=it.labels[:count],
        )
        for it in (TTFT, ITL)
    ]
    assert not any("k = " in text for text in texts(scaling_plot(*few)))


def test_there_is_a_plot_for_every_variant_that_was_measured():
    subjects = {name: Subject(Role.CANDIDATE, None, digest="x") for name in ("int4", "int8")}
    subjects["fp32"] = Subject(Role.REFERENCE, None, digest="x")
    empty = replace(TTFT, variant="int8", values=(), reference_values=(), labels=())
    evidence = Evidence("travel:1", subjects, "here", (), (TTFT, ITL, empty))
    assert list(scaling_plots(evidence)) == ["int4"]
