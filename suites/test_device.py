"""Speed and memory as users of a device have them, for the device's absolute budgets."""

from collections.abc import Sequence
from dataclasses import replace

from harness.answer import Answer, Request
from harness.bench import Bench
from harness.exam import require_answers
from harness.measurement import Measurement
from harness.metrics import latency
from harness.plugins.measure import Record
from harness.release import Role

PROCESSES = 2
PROMPT_TOKENS = 128  # where no device states its own
FEW_ANSWERS = 3  # of the reference, which goes to no device: its figures are only shown
NEW_TOKENS = 9  # eight of them timed after the first: few, so that many answers can be asked


def test_budgets(bench: Bench, record: Record) -> None:
    """First tokens after a prompt of the device's length, tokens per second, and peak memory."""
    request, goes_there = _request(bench), bench.variant.recipe.role is not Role.REFERENCE
    count = bench.plan.device_answers // PROCESSES if goes_there else FEW_ANSWERS
    runs, disturbance = bench.undisturbed(
        lambda: [_run(bench, [request] * (1 + count)) for _ in range(PROCESSES)],
        "in processes of its own",
    )
    answers = [answer for run, _ in runs for answer in run]
    processes = tuple(str(number) for number, (run, _) in enumerate(runs) for _ in run)
    speeds = [
        bench.sample("ttft", "ms", latency.first_token_ms(answers)),
        bench.sample("rate", "tokens/s", latency.decode_rates(answers)),
    ]
    found = [replace(it, clusters=processes, disturbance=disturbance) for it in speeds]
    record(*found, _peak(bench, [peak for _, peak in runs if peak is not None]))


def _request(bench: Bench) -> Request:
    """One of the device's length, or of what the context has room for."""
    stated = bench.device.budgets.prompt_tokens if bench.device else PROMPT_TOKENS
    length = min(stated, bench.context_tokens - NEW_TOKENS)
    if length < stated:
        bench.remark(f"{bench.variant.name} takes {length} tokens, no prompt of {stated}")
    prompt = bench.long_prompt(length)
    return Request(token_ids=prompt, max_new_tokens=NEW_TOKENS, stop_at_end=False)


def _run(bench: Bench, plan: Sequence[Request]) -> tuple[list[Answer], int | None]:
    """Answers of a new process after its first, and its peak memory in bytes."""
    with bench.fresh() as runtime:
        answers = require_answers(bench.variant.name, runtime.run(plan))[1:]
        return answers, runtime.memory().peak_bytes


def _peak(bench: Bench, peaks: Sequence[int]) -> Measurement:
    found = bench.sample("peak", "MiB", [peak / 2**20 for peak in peaks])
    return found if peaks else replace(found, absence="this system has no counter for it")
