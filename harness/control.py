"""Brings a candidate's control among the runtimes of a session, where it is nobody's variant."""

from functools import partial
from pathlib import Path

from harness.builders.control import build_control, plain_of
from harness.errors import InfrastructureError
from harness.fleet import Fleet


def add_control(fleet: Fleet, name: str, reference: str, cache: Path | None) -> str:
    """The name by which the fleet knows the control of a candidate; built where it is not cached.

    Candidates of the same bits share one, which is tried once a session. It is not judged, not
    listed, not published. Raises InfrastructureError where there is none.
    """
    if cache is None:
        raise InfrastructureError("there is no folder to keep a control in")
    variant = fleet.variant(name)
    wanted = plain_of(variant.recipe.precision, variant.quantization)
    make = partial(build_control, wanted, fleet.variant(reference), cache)
    return fleet.add(wanted.recipe.name, make)
