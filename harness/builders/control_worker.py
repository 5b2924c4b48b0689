"""The process that makes controls: a reference's graph, its matrices rounded to nearest.

``python -m harness.builders.control_worker``, with the plan and the reports of
`harness.builders.olive_worker`; the source of the plan is the reference's folder. Nothing of Olive
or of onnxruntime-genai's builder takes part, so what is wrong with them is not in it.
"""

import logging
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.builders.graph import read_quantization
from harness.builders.olive_worker import Report, recipe_from, serve
from harness.errors import InfrastructureError
from harness.probes.folder import read_folder
from harness.variant import Recipe

BITS = {"int4": 4, "int8": 8}


def build_control(build: dict[str, Any], source: Path, report: Report) -> None:
    """One control from a reference's folder; whatever is raised becomes a report."""
    recipe, output = recipe_from(build["recipe"]), Path(build["output"])
    started = time.perf_counter()
    report("stage", {"stage": "rounding"})
    output.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file() and ".onnx" not in path.name:
            shutil.copyfile(path, output / path.name)
    _round(source, output, recipe)
    groups = [asdict(group) for group in read_quantization(output)]
    if not any(group["operator"] == "MatMulNBits" for group in groups):
        raise InfrastructureError("the reference's graph has no matrix that could be rounded")
    report("built", {"quantization": groups, "seconds": time.perf_counter() - started})


def _round(source: Path, output: Path, recipe: Recipe) -> None:
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    logging.disable(logging.INFO)  # a line for every matrix
    name = read_folder(source).graph_file
    quantizer = MatMulNBitsQuantizer(
        onnx.load(source / name),
        bits=BITS[str(recipe.precision)],
        block_size=recipe.block_size or 0,
        is_symmetric=bool(recipe.symmetric),
        accuracy_level=recipe.accuracy_level,
    )
    quantizer.process()
    onnx.save(
        quantizer.model.model, output / name, save_as_external_data=True, location=f"{name}.data"
    )


if __name__ == "__main__":
    serve(build_control)
