"""A runtime that has the fault which the folder of its variant is named after, and the folders."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.answer import Answer, Messages, Request
from harness.runtimes.base import Runtime
from harness.runtimes.ort_genai import OrtGenAI
from tests import damage
from tests.plugins import plants


@dataclass(frozen=True)
class Fault:
    """What is planted: a damage to the folder, or a runtime that does wrong.

    `caught_by` is the suite that must see it; `seen_by` may see it too, for it is their matter.
    """

    caught_by: str
    seen_by: tuple[str, ...] = ()
    damage: Callable[[Path], None] | None = None
    runtime: type[plants.Plant] | None = None


LONG_PROMPTS = ("memory", "edge_cases")  # they ask prompts as long as the context, too

FAULTS = {
    "M1-1KiB": Fault("memory", runtime=plants.LeaksOneKiB),
    "M1-4KiB": Fault("memory", runtime=plants.LeaksFourKiB),
    "M1-16KiB": Fault("memory", runtime=plants.LeaksSixteenKiB),
    "M2": Fault("memory", runtime=plants.KeepsGenerators),
    "M3": Fault("memory", runtime=plants.HoldsTheModel),
    "L1": Fault("latency", ("memory",), damage=damage.profile_every_node),  # it keeps every event
    "L2": Fault("latency", damage=damage.compute_in_float),
    "L6": Fault("scaling", runtime=plants.PrefillsTwice),
    "S2": Fault("scaling", damage=damage.blur_rope),
    "S4": Fault("scaling", ("packaging", *LONG_PROMPTS), damage=damage.cut_rope),
    "S5": Fault("scaling", LONG_PROMPTS, runtime=plants.DiesOfLongPrompts),
}


def plant(name: str, variant: Path, place: Path) -> Path:
    """A copy of the variant with the fault, in a folder that the runtime below knows it by."""
    folder = Path(shutil.copytree(variant, place / name / "damaged"))
    if name in FAULTS and (edit := FAULTS[name].damage):
        edit(folder)
    return folder


class Planted:
    """Each variant's own fault, and none for a variant whose folder is named after none."""

    def __init__(self) -> None:
        self._runtime: Runtime | None = None

    def load(self, directory: Path) -> None:
        if self._runtime is None:  # a model that is loaded again is the same fault's again
            fault = FAULTS.get(directory.parent.name)
            self._runtime = (fault.runtime if fault and fault.runtime else OrtGenAI)()
        self._runtime.load(directory)

    def answer(self, request: Request) -> Answer:
        return self._loaded.answer(request)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self._loaded.encode(texts)

    def render(self, messages: Messages) -> str:
        return self._loaded.render(messages)

    def close(self) -> None:
        self._loaded.close()

    @property
    def _loaded(self) -> Runtime:
        assert self._runtime is not None
        return self._runtime
