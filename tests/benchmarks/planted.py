"""A runtime that has the fault which the folder of its variant is named after, and the folders."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.answer import Answer, Messages, Request
from harness.runtimes.base import Runtime
from harness.runtimes.ort_genai import OrtGenAI
from tests import damage, weight_damage
from tests.plugins import plants


@dataclass(frozen=True)
class Fault:
    """What is planted: a damage to the folder, or a runtime that does wrong.

    `caught_by` is the suite that must see it; `seen_by` may see it too, for it is their matter.
    `of` is the variant that it is planted in.
    """

    caught_by: str
    seen_by: tuple[str, ...] = ()
    damage: Callable[[Path], None] | None = None
    runtime: type[plants.Plant] | None = None
    of: str = "int4"


LONG_PROMPTS = ("memory", "edge_cases")  # they ask prompts as long as the context, too

FAULTS = {
    "M1-1KiB": Fault("memory", runtime=plants.LeaksOneKiB),
    "M1-4KiB": Fault("memory", runtime=plants.LeaksFourKiB),
    "M1-16KiB": Fault("memory", runtime=plants.LeaksSixteenKiB),
    "M2": Fault("memory", runtime=plants.KeepsGenerators),
    "M3": Fault("memory", runtime=plants.HoldsTheModel),
    "L1": Fault("latency", ("memory",), damage=damage.profile_every_node),  # it keeps every event
    "L6": Fault("scaling", runtime=plants.PrefillsTwice),
    "S2": Fault(
        "scaling", ("packaging", "precision"), damage=damage.blur_rope
    ),  # no rotations any more
    "S4": Fault("scaling", ("packaging", *LONG_PROMPTS), damage=damage.cut_rope),
    "S5": Fault("scaling", LONG_PROMPTS, runtime=plants.DiesOfLongPrompts),
}

QUALITY = {
    "A1": Fault("accuracy", damage=weight_damage.zero_scales),
    "A6-NaN": Fault("packaging", damage=weight_damage.spoil_logits),
    "A6-Inf": Fault("precision", damage=weight_damage.overflow),
    "A8": Fault("precision", damage=weight_damage.zero_blocks),
    "A13": Fault("precision", damage=weight_damage.requantize_to_3_bits),
    "B5": Fault("precision", damage=weight_damage.punch_hole),
    "E11": Fault("edge_cases", runtime=plants.DecodesTokenByToken),
    "S5": Fault("edge_cases", runtime=plants.DiesOfLongPrompts),
    "T6-doubled": Fault("packaging", damage=damage.double_start),
    "T6-missing": Fault("packaging", damage=damage.drop_start),
    "T7": Fault("packaging", damage=damage.never_stop),
    "T7-none": Fault("packaging", damage=damage.forget_the_end),
    "T9": Fault("packaging", damage=damage.speak_phi_3),
}
"""Faults that quality shows; `caught_by` need not be alone."""

SLOW = {
    "late first tokens": Fault("latency", runtime=plants.slow("late-first")),
    "late first tokens, a little": Fault("latency", runtime=plants.slow("late-first-little")),
    "dear after 40 tokens": Fault("latency", runtime=plants.slow("dear-end")),
    "dear after 40 tokens, a little": Fault("latency", runtime=plants.slow("dear-end-little")),
    "slower with use": Fault("latency", runtime=plants.slow("tiring")),
    "slower with use, a little": Fault("latency", runtime=plants.slow("tiring-little")),
    "stutters": Fault("latency", runtime=plants.slow("stuttering")),
    "stutters a little": Fault("latency", runtime=plants.slow("stuttering-little")),
    "an answer in 21 stalls for 3 s": Fault("latency", runtime=plants.slow("stalling")),
    "an answer in 21 stalls for 0.5 s": Fault("latency", runtime=plants.slow("stalling-little")),
    "16 threads": Fault("latency", damage=partial(damage.set_threads, count=16)),
    "1 thread": Fault("latency", damage=partial(damage.set_threads, count=1)),
}
"""Ways to be slow that the usual times do not show, in two sizes each."""

SLOWER = {
    "L2": Fault("latency", damage=damage.compute_in_float),
}
"""Slower than the clean build, and beside the reference only where the processor makes it so: with
AVX2 it takes longer than fp32, with AMX four fifths of its time.
"""

ALIKE = {
    "rows swapped": Fault("precision", damage=weight_damage.swap_rows),
    "scale's exponent": Fault("precision", damage=weight_damage.flip_exponent),
    "lm_head rows shifted": Fault("precision", damage=weight_damage.shift_rows),
    "embedding shifted": Fault("precision", damage=weight_damage.shift_embedding, of="int8"),
    "levels one up": Fault("precision", damage=weight_damage.shift_zero_points),
    "nibbles swapped": Fault("precision", damage=weight_damage.swap_nibbles),
    "lm_head blocks swapped": Fault("precision", damage=weight_damage.scramble_block),
    "scales times 1.1": Fault("precision", damage=weight_damage.enlarge_scales),
    "norm forgotten": Fault("precision", damage=weight_damage.forget_norm),
    "bias forgotten": Fault("precision", damage=weight_damage.forget_bias),
    "layer repeated": Fault("precision", damage=weight_damage.repeat_layer),
    "hole in the embedding": Fault(
        "precision", damage=partial(weight_damage.punch_hole, at=0.2), of="int8"
    ),
    "half the merges": Fault("precision", damage=damage.forget_merges),
}
"""Faults of the same kinds as those above that no list has."""

LATER = "B5-later"
"""The fault of B5 once the digest of the files was taken."""

EVERY = {
    **FAULTS,
    **QUALITY,
    **ALIKE,
    **SLOW,
    **SLOWER,
    LATER: Fault("session", runtime=plants.LosesPartOfItsFile),
}


def plant(name: str, variant: Path, place: Path) -> Path:
    """A copy of the variant with the fault, in a folder that the runtime below knows it by."""
    folder = Path(shutil.copytree(variant, place / name / "damaged"))
    if name in EVERY and (edit := EVERY[name].damage):
        edit(folder)
    return folder


class Planted:
    """Each variant's own fault, and none for a variant whose folder is named after none."""

    def __init__(self) -> None:
        self._runtime: Runtime | None = None

    def load(self, directory: Path) -> None:
        if self._runtime is None:  # a model that is loaded again is the same fault's again
            fault = EVERY.get(directory.parent.name)
            self._runtime = (fault.runtime if fault and fault.runtime else OrtGenAI)()
        self._runtime.load(directory)

    def answer(self, request: Request) -> Answer:
        return self._loaded.answer(request)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self._loaded.encode(texts)

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        return self._loaded.decode(sequences)

    def render(self, messages: Messages) -> str:
        return self._loaded.render(messages)

    def close(self) -> None:
        self._loaded.close()

    @property
    def _loaded(self) -> Runtime:
        assert self._runtime is not None
        return self._runtime
