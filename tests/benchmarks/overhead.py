"""Measures what the harness adds to the engine's own time per token."""

import json
import os
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tabulate import tabulate

from harness.answer import Answer, Finish, Request
from harness.metrics.latency import decode_rates
from harness.runtimes.isolated import Isolated
from harness.stats.intervals import Estimate
from harness.stats.paired import ratio_interval
from tests.benchmarks.bare import BareRequest, Loop

LEAST_RATE = 0.98
"""Of a bare loop's decode rate, whichever loop it is."""

PROMPT_TOKENS = 16
HEADERS = ("variant", "bare loop", "harness ms/token", "bare ms/token", "rate", "95 % interval")


@dataclass(frozen=True)
class Overhead:
    """Decode rates through the harness over those of a bare loop, and the medians of both."""

    loop: Loop
    harness_ms: float
    bare_ms: float
    ratio: Estimate

    def row(self, variant: str) -> list[str]:
        """As the table shows it."""
        return [
            variant,
            self.loop,
            f"{self.harness_ms:.4f}",
            f"{self.bare_ms:.4f}",
            f"{self.ratio.value:.2%}",
            f"{self.ratio.lower:.2%} to {self.ratio.upper:.2%}",
        ]


def endless(directory: Path, place: Path) -> Path:
    """The variant with an end token that it never says, so that every loop goes on as long."""
    shutil.copytree(directory.absolute(), place, copy_function=os.symlink)
    path = place / "genai_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["model"]["eos_token_id"] = config["model"]["vocab_size"] - 1
    path.unlink()
    path.write_text(json.dumps(config), encoding="utf-8")
    return place


def measure(directory: Path, rounds: int, new_tokens: int) -> list[Overhead]:
    """One answer through the harness and one by each bare loop a round, in random order."""
    random = np.random.default_rng(0)
    rates: dict[Loop | None, list[float]] = {None: [], **{loop: [] for loop in Loop}}
    with Isolated("tests.benchmarks.bare:Bare", directory) as runtime:
        prompts = _prompts(runtime, random, new_tokens)
        for number in range(-2, rounds):
            prompt = prompts[number % len(prompts)]
            kinds = [list(rates)[i] for i in random.permutation(len(rates))]
            answers = {kind: _answer(runtime, prompt, new_tokens, kind) for kind in kinds}
            assert len({answer.token_ids for answer in answers.values()}) == 1
            if number >= 0:  # what comes before is warm-up
                for kind, answer in answers.items():
                    rates[kind].append(_rate(answer))
    return [_compared(loop, rates[None], rates[loop]) for loop in Loop]


def table(rows: list[list[str]]) -> str:
    """The figures of some variants."""
    return tabulate(rows, headers=HEADERS, disable_numparse=True)


def _prompts(
    runtime: Isolated, random: np.random.Generator, new_tokens: int
) -> list[tuple[int, ...]]:
    """Prompts that are answered with as many tokens as are asked for."""
    tried = [tuple(random.integers(10, 400, PROMPT_TOKENS).tolist()) for _ in range(8)]
    asked = [Request(token_ids=prompt, max_new_tokens=new_tokens) for prompt in tried]
    answers = zip(tried, runtime.run(asked), strict=True)
    return [prompt for prompt, answer in answers if answer.finish is Finish.LENGTH]


def _answer(
    runtime: Isolated, prompt: tuple[int, ...], new_tokens: int, kind: Loop | None
) -> Answer:
    if kind is None:
        request = Request(token_ids=prompt, max_new_tokens=new_tokens, stop_at_end=False)
    else:
        request = BareRequest(token_ids=prompt, max_new_tokens=new_tokens, loop=kind)
    [answer] = runtime.run([request])
    assert len(answer.token_ids) == new_tokens, answer.error
    return answer


def _rate(answer: Answer) -> float:
    """Tokens per second after the first; a bare answer has its first and its last stamp alone."""
    if len(answer.token_ns) == len(answer.token_ids):
        return decode_rates([answer])[0]
    first_ns, last_ns = answer.token_ns
    return float((len(answer.token_ids) - 1) / (last_ns - first_ns) * 1e9)


def _compared(loop: Loop, mine: list[float], bare: list[float]) -> Overhead:
    return Overhead(
        loop,
        1e3 / statistics.median(mine),
        1e3 / statistics.median(bare),
        ratio_interval(mine, bare, 0.95),
    )
