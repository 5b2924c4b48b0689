"""The control of a candidate: what its bits and block size cost at the least effort.

The reference's own graph, every matrix rounded to nearest, symmetric, by onnxruntime alone. What a
candidate lost is held against what the control lost, so that the model itself says what is much.
It needs no checkpoint and no Olive, and a candidate that is itself a plain recipe is held against
something that another program made.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.builders.build_process import BuildProcess
from harness.builders.cache import Cache
from harness.builders.key import key_of, package_versions, plain
from harness.builders.order import Order
from harness.builders.workshop import Workshop
from harness.errors import HarnessError, InfrastructureError
from harness.release import Algorithm, Precision, Role, Stage
from harness.variant import (
    DEFAULT_ACCURACY_LEVEL,
    DEFAULT_BLOCK_SIZE,
    Quantization,
    Recipe,
    Variant,
)

_WORKER = "harness.builders.control_worker"
_DEADLINE_SECONDS = 3600.0
_VERSION = 1  # of what the worker does
_PACKAGES = ("onnx", "onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")


@dataclass(frozen=True, slots=True)
class Plain:
    """The plainest way to a width: rounded to nearest, symmetric, in blocks of one size."""

    precision: Precision
    block_size: int = DEFAULT_BLOCK_SIZE

    @property
    def recipe(self) -> Recipe:
        """As a recipe, under the name that its process is known by."""
        return Recipe(
            f"control-{self.precision}-{self.block_size}",
            Role.CANDIDATE,
            self.precision,
            algorithm=Algorithm.RTN,
            block_size=self.block_size,
            symmetric=True,
            accuracy_level=DEFAULT_ACCURACY_LEVEL,
            stage=Stage.GRAPH,
        )


def plain_of(precision: Precision | None, groups: Sequence[Quantization]) -> Plain:
    """The plain recipe of a variant's bits and block size, as most nodes of its graph have them.

    What is not quantized has a control of 8 bits: floating-point numbers lose less than that.
    """
    nodes: Counter[tuple[int, int]] = Counter()
    for group in groups:
        if group.operator == "MatMulNBits" and group.block_size:
            nodes[group.bits, group.block_size] += group.nodes
    if not nodes:
        return Plain(Precision.INT4 if precision is Precision.INT4 else Precision.INT8)
    (bits, block_size), _ = nodes.most_common(1)[0]
    return Plain(Precision.INT4 if bits <= 4 else Precision.INT8, block_size)


def build_control(wanted: Plain, reference: Variant, cache: Path, worker: str = _WORKER) -> Variant:
    """The control, from the cache where it is there.

    Raises InfrastructureError where it cannot be made, which is no fault of the candidate's.
    """
    shelf, order = Cache(cache.absolute()), _order(wanted, reference)
    found = shelf.find(order.key, order.recipe)
    if found is not None:
        return found
    with shelf.staging() as staging:
        process = BuildProcess(worker, _DEADLINE_SECONDS, staging)
        workshop = Workshop(shelf, staging, process, lambda name, stage: None)
        [(_, outcome)] = workshop.carry_out([order], reference.directory.absolute())
    if isinstance(outcome, HarnessError):
        raise InfrastructureError(
            f"{wanted.recipe.name} cannot be built from {reference.name}: {outcome}"
        ) from outcome
    return outcome


def _order(wanted: Plain, reference: Variant) -> Order:
    versions = package_versions()
    made_from = {
        "control": _VERSION,
        "reference": dict(reference.files),
        "recipe": plain(wanted.recipe),
        "packages": {name: versions[name] for name in _PACKAGES},
    }
    return Order(key_of(made_from), made_from, (wanted.recipe,))
