"""Plants that plant nothing would let any gate pass."""

import inspect

import pytest

from harness.runtimes.ort_genai import OrtGenAI
from tests.plugins import plants

PLANTS = [
    it
    for it in vars(plants).values()
    if inspect.isclass(it) and issubclass(it, OrtGenAI) and it is not OrtGenAI
]

assert PLANTS


@pytest.mark.parametrize("plant", PLANTS, ids=lambda it: it.__name__)
def test_what_a_plant_takes_the_place_of_is_there(plant: type[OrtGenAI]) -> None:
    own = {name for name in vars(plant) if name.startswith("_") and not name.startswith("__")}
    inherited = {name for base in plant.__mro__[1:] for name in vars(base)}
    assert {it for it in own if callable(vars(plant)[it])} <= inherited
