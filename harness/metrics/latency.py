"""From the timestamps of answers to times, rates and the share of the processor."""

from collections.abc import Iterable, Sequence

import numpy as np

from harness.answer import Answer, Finish
from harness.errors import InfrastructureError

_NS_PER_MS = 1e6
_STALLED = 3.0  # times as long as an answer should take
_NOTICED_MS = 100.0  # less is felt as nothing at all (Miller 1968, Nielsen 1993)


def first_token_ms(answers: Iterable[Answer]) -> list[float]:
    """TTFT of each answer in ms: from before anything is done for it to its first token."""
    return [float(it.token_ns[0] - it.started_ns) / _NS_PER_MS for it in _checked(answers)]


def between_tokens_ms(answers: Iterable[Answer]) -> list[float]:
    """Mean ITL of each answer in ms, over tokens that were emitted; each needs two of them."""
    return [
        float(it.token_ns[-1] - it.token_ns[0]) / (len(it.token_ns) - 1) / _NS_PER_MS
        for it in _checked(answers)
    ]


def whole_ms(answers: Iterable[Answer]) -> list[float]:
    """Time of each whole answer in ms, from before anything is done for it to its end."""
    return [float(it.ended_ns - it.started_ns) / _NS_PER_MS for it in _checked(answers)]


def gaps_ms(answers: Sequence[Answer]) -> list[list[float]]:
    """Every ITL of each answer in ms, one fewer than its tokens."""
    return [(np.diff(it.token_ns) / _NS_PER_MS).tolist() for it in _checked(answers)]


def timed_tokens(answer: Answer) -> int:
    """Steps that an answer took, the end token's among them; an ITL needs two at least."""
    return max(2, len(answer.token_ids) + (answer.finish is Finish.STOP))


def late_over_early(answers: Sequence[Answer]) -> list[float]:
    """Mean ITL in the last quarter of each answer over that in its first; each needs nine tokens.

    Both halves are of one answer, so that what slows the machine cancels.
    """
    found = []
    for gaps in gaps_ms(answers):
        quarter = len(gaps) // 4
        found.append(float(np.mean(gaps[-quarter:]) / np.mean(gaps[:quarter])))
    return found


def stalls(mine: Sequence[float], theirs: Sequence[float]) -> tuple[list[bool], list[bool]]:
    """Which answers of each side took three times as long as they should, and a tenth of a second
    longer, by the other side's to the same; times in ms, pair by pair.

    Of both sides' usual ratio, the median, each says what the other should take.
    """
    logs = np.log(np.asarray(mine, float)) - np.log(np.asarray(theirs, float))
    usual = float(np.exp(np.median(logs)))
    return (
        [_is_stall(one, other * usual) for one, other in zip(mine, theirs, strict=True)],
        [_is_stall(other, one / usual) for one, other in zip(mine, theirs, strict=True)],
    )


def _is_stall(taken_ms: float, expected_ms: float) -> bool:
    return taken_ms > max(_STALLED * expected_ms, expected_ms + _NOTICED_MS)


def decode_rates(answers: Iterable[Answer]) -> list[float]:
    """Tokens per second after the first one: tokens emitted, not tokens asked for."""
    return [1e3 / between for between in between_tokens_ms(answers)]


def prefill_rates(answers: Sequence[Answer]) -> list[float]:
    """Prompt tokens per second up to the first token."""
    prompts = [len(it.prompt_ids) or it.prompt_tokens for it in answers]
    times = first_token_ms(answers)
    return [1e3 * tokens / ms for tokens, ms in zip(prompts, times, strict=True)]


def processor_ms_per_token(answers: Iterable[Answer]) -> list[float]:
    """Processor time of each answer, all threads and its prefill, per emitted token."""
    return [it.cpu_ns / len(it.token_ns) / _NS_PER_MS for it in _checked(answers)]


def cores_busy(answers: Iterable[Answer]) -> list[float]:
    """Processor time of each answer over the time that passed."""
    return [it.cpu_ns / (it.ended_ns - it.started_ns) for it in _checked(answers)]


def _checked(answers: Iterable[Answer]) -> Iterable[Answer]:
    """The answers; raises InfrastructureError where a clock stepped back between two stamps."""
    for it in answers:
        stamps = [it.started_ns, *it.token_ns, *([it.ended_ns] if it.ended_ns else [])]
        if (np.diff(stamps) < 0).any():
            raise InfrastructureError("the clock stepped back while an answer was timed")
        yield it
