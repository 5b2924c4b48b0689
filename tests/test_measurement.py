import math

import pytest

from harness.measurement import Measurement


def measured(**changes):
    parts = {"suite": "latency", "metric": "latency.itl", "variant": "int4", "unit": "ms"}
    return Measurement(**{**parts, "values": (1.0, 2.0), "environment": "here", **changes})


def test_references_and_labels_go_with_the_values_one_by_one():
    assert measured(reference_values=(1.0, 3.0), labels=("a", "b"))
    assert measured(values=())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference_values": (1.0,)}, "latency.itl: 2 values but 1 reference_values"),
        ({"labels": ("a", "b", "c")}, "latency.itl: 2 values but 3 labels"),
        ({"absence": "no counter"}, "latency.itl: has values, and why there are none"),
        ({"metric": "memory.peak"}, "metric 'memory.peak' is not of the suite 'latency'"),
        ({"metric": "latency_itl"}, "metric 'latency_itl' is not of the suite 'latency'"),
    ],
)
def test_what_does_not_belong_together_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        measured(**changes)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("key", ["values", "reference_values"])
def test_a_value_that_is_not_finite_is_refused(key, bad):
    with pytest.raises(ValueError, match=f"latency.itl: a value is {bad}"):
        measured(**{key: (1.0, bad)})
