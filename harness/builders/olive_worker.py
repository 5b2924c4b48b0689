"""The build process: reads a plan from standard input, builds with Olive, reports in JSON lines.

``python -m harness.builders.olive_worker``. The plan is one line,
``{"source": path, "builds": [{"recipe": {...}, "output": path, "scratch": path}]}``; a report is
``{"event": "stage" | "built" | "failed", "index": n, ...}``. What libraries print goes to standard
error, and when the parent is gone, so is this process.
"""

import json
import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any, TextIO

from harness.builders.context_length import shorten_context
from harness.builders.failure import blamed, describe, logged_errors
from harness.builders.graph import read_quantization
from harness.builders.recipe_config import execution_provider, run_config
from harness.builders.search_settings import complete_search
from harness.errors import BuildError, InfrastructureError
from harness.release import Algorithm, Precision, Provider, Role, Stage
from harness.variant import Recipe

Report = Callable[[str, Mapping[str, object]], None]

_TYPES = {
    "role": Role,
    "precision": Precision,
    "provider": Provider,
    "algorithm": Algorithm,
    "stage": Stage,
    "calibration": Path,
}
# Olive's notes about its own run; some hold paths of this machine.
_NOT_THE_MODEL = (
    "footprint.json",
    "output_footprint.json",
    "run_history.txt",
    "model_config.json",
)


Build = Callable[[dict[str, Any], Path, Report], None]
"""Makes one build of a plan from a checkpoint directory, reporting as it goes."""


def serve(build_one: Build) -> None:
    """Carry out the plan on standard input; a failure is reported and does not stop the next.

    Ends the process, and so does the end of the parent.
    """
    reports = _private_output()
    plan = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for index, build in enumerate(plan["builds"]):
        report = partial(_report, reports, index)
        try:
            build_one(build, Path(plan["source"]), report)
        except Exception as error:  # Olive raises any, and one build must not cost the others
            traceback.print_exc()
            report("failed", describe(error))
    os._exit(0)  # what Olive and torch do at exit takes a second, and nothing of it is wanted


def _private_output() -> TextIO:
    """The original standard output; file descriptor 1 becomes standard error for everyone else."""
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return reports


def _report(reports: TextIO, index: int, event: str, fields: Mapping[str, object]) -> None:
    print(json.dumps({"event": event, "index": index, **fields}), file=reports, flush=True)


def _end_with_parent() -> None:
    """Standard input ends when the parent does, however it ended."""
    while os.read(0, 4096):  # not sys.stdin, whose lock would be held when the interpreter ends
        pass
    os._exit(1)


def build_with_olive(build: dict[str, Any], source: Path, report: Report) -> None:
    """One build with Olive; whatever is raised becomes a report."""
    recipe = recipe_from(build["recipe"])
    output, scratch = Path(build["output"]), Path(build["scratch"])
    _require_provider(recipe.provider)
    if not _load_olive.cache_info().currsize:
        report("stage", {"stage": "loading Olive"})
    olive = _load_olive()
    scratch.mkdir(parents=True)
    started = time.perf_counter()
    report("stage", {"stage": "building"})
    with logged_errors("olive") as logged:
        olive.run(run_config(recipe, source, output, scratch), tempdir=str(scratch))
    if logged and not (output / "genai_config.json").is_file():
        words, cause = blamed(logged)
        raise BuildError(f"Olive made no model: {words}") from cause
    for name in _NOT_THE_MODEL:
        (output / name).unlink(missing_ok=True)
    shutil.rmtree(scratch, ignore_errors=True)
    complete_search(output, source)
    shorten_context(output, recipe.context_tokens)
    report("stage", {"stage": "reading back"})
    groups = [asdict(group) for group in read_quantization(output)]
    report("built", {"quantization": groups, "seconds": time.perf_counter() - started})


def recipe_from(fields: dict[str, Any]) -> Recipe:
    """The recipe that `dataclasses.asdict` and JSON made these fields of."""
    typed: dict[str, Any] = {
        key: _TYPES[key](value) if key in _TYPES and value is not None else value
        for key, value in fields.items()
    }
    return Recipe(**typed)


def _require_provider(provider: Provider) -> None:
    if provider is Provider.CPU:
        return
    import onnxruntime
    import onnxruntime_genai

    available = onnxruntime.get_available_providers()
    cuda = onnxruntime_genai.is_cuda_available()
    if execution_provider(provider) not in available or (provider is Provider.CUDA and not cuda):
        raise InfrastructureError(
            f"building for {provider} needs {execution_provider(provider)}, install an onnxruntime "
            f"that has it: found {', '.join(available)}; onnxruntime-genai with CUDA: {cuda}"
        )


@cache
def _load_olive() -> Any:
    import olive

    from harness.builders.calibration import offer_to_olive
    from harness.builders.olive_bridge import install_bridge

    install_bridge()
    offer_to_olive()
    return olive


if __name__ == "__main__":
    serve(build_with_olive)
