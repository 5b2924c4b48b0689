"""``python -m harness device``: this machine as a device profile, with what was measured of it."""

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.answer import Request
from harness.device import Budget, Device, Machine
from harness.errors import ConfigError
from harness.exam import require_answers
from harness.metrics import latency
from harness.probes.machine import capture_machine
from harness.release import ONNXRUNTIME_GENAI
from harness.runtimes.isolated import Isolated
from harness.store import read_device, write_text

_DEVICES = Path(__file__).resolve().parents[1] / "fixtures" / "devices"
_SIZE = 1024  # of the matrices that are multiplied
_PRODUCTS = 5
_ANSWERS = 20
_NEW_TOKENS = 17
_AVAILABLE_SHARE = 0.5  # of memory: what shipped profiles leave to one application


def add_arguments(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    command.add_argument("--output", type=Path, metavar="FILE", help="new file to write it to")
    command.add_argument(
        "--model", type=Path, metavar="DIR", help="onnxruntime-genai folder to measure speed with"
    )


def describe_device(options: argparse.Namespace) -> int:
    """Measure this machine, print its profile, and write it where a file is named."""
    if options.output and options.output.exists():
        raise ConfigError(f"{options.output} is there already: name a new file")
    if options.model and not (options.model / "genai_config.json").is_file():
        raise ConfigError(f"{options.model} is no onnxruntime-genai folder")
    machine = capture_machine()
    measured = {"matrix_gflops": matrix_gflops()}
    known = [read_device(path.stem, _DEVICES, _DEVICES) for path in _DEVICES.glob("*.toml")]
    device = profile_of(machine, known)
    if options.model:
        measured |= model_speed(options.model.resolve(), device.budgets.prompt_tokens)
    text = as_toml(device, measured)
    print(text, end="")
    if options.output:
        write_text(options.output, text)
    return 0


def profile_of(machine: Machine, known: list[Device]) -> Device:
    """A profile of the machine, with the budgets of the largest device that it has the memory of.

    The engine's own choice of threads is half the cores. Where no device is so small, its budget of
    memory is cut to what there is.
    """
    available_mib = int(machine.memory_mib * _AVAILABLE_SHARE)
    by_size = sorted(known, key=lambda device: device.available_mib)
    nearest = next(
        (it for it in reversed(by_size) if it.available_mib <= available_mib), by_size[0]
    )
    peak_mib = min(nearest.budgets.peak_mib, available_mib)
    return Device(
        name="measured",
        description=f"{machine.cores} cores, {machine.memory_mib} MiB; budgets of {nearest.name}",
        architecture=machine.architecture,
        instructions=machine.instructions,
        cores=machine.cores,
        threads=max(1, machine.cores // 2),
        memory_mib=machine.memory_mib,
        available_mib=available_mib,
        budgets=replace(nearest.budgets, peak_mib=peak_mib),
    )


def matrix_gflops() -> float:
    """Billions of operations a second in the fastest product of two matrices of float32."""
    one, other = (np.random.default_rng(n).random((_SIZE, _SIZE), np.float32) for n in (0, 1))
    seconds = []
    for _ in range(_PRODUCTS):
        started = time.perf_counter()
        one @ other
        seconds.append(time.perf_counter() - started)
    return 2 * _SIZE**3 / min(seconds) / 1e9


def model_speed(directory: Path, prompt_tokens: int) -> dict[str, float]:
    """Medians of a model's times, and its peak memory, in the units of budgets."""
    request = Request(token_ids=(5,) * prompt_tokens, max_new_tokens=_NEW_TOKENS, stop_at_end=False)
    with Isolated(ONNXRUNTIME_GENAI, directory) as runtime:
        load_seconds = runtime.start()
        first, *answers = require_answers(directory.name, runtime.run([request] * (1 + _ANSWERS)))
        peak_bytes = runtime.memory().peak_bytes
    found = {
        Budget.TTFT.value: float(np.median(latency.first_token_ms(answers))),
        Budget.RATE.value: float(np.median(latency.decode_rates(answers))),
        Budget.LOAD.value: load_seconds + latency.second_token_ms([first])[0] / 1e3,
    }
    return found if peak_bytes is None else {**found, Budget.PEAK.value: peak_bytes / 2**20}


def as_toml(device: Device, measured: Mapping[str, float]) -> str:
    """The text of a profile's file."""
    lines = [
        "# This machine, as `python -m harness device` found it. Its budgets are another device's:",
        "# state your own.",
        "",
        f"description = {json.dumps(device.description)}",
        f"architecture = {json.dumps(device.architecture)}",
        f"instructions = {json.dumps(list(device.instructions))}",
        *(
            f"{name} = {getattr(device, name)}"
            for name in ("cores", "threads", "memory_mib", "available_mib")
        ),
        "",
        "[budgets]",
        f"prompt_tokens = {device.budgets.prompt_tokens}",
        *(f"{budget} = {device.budget(budget):g}" for budget in Budget),
        "",
        "[measured]  # to be read only",
        *(f"{name} = {value:.4g}" for name, value in measured.items()),
    ]
    return "\n".join(lines) + "\n"
