"""From the timestamps of answers to times, rates and the share of the processor."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.answer import Answer, Finish
from harness.errors import InfrastructureError

LEAST_AWAITED = 8
"""Tokens: of shorter answers most of the wait is for the first one, whatever their number."""

_NS_PER_MS = 1e6
_CLOCK_MS = 1e-6  # the unit of its stamps: tokens that come at once are no shorter apart
_LEAST_ALIKE = 3
_STALLED = 3.0  # times as long as an answer should take
_NOTICED_MS = 100.0  # less is felt as nothing at all (Miller 1968, Nielsen 1993)


def first_token_ms(answers: Iterable[Answer]) -> list[float]:
    """TTFT of each answer in ms: from before anything is done for it to its first token."""
    return [float(it.token_ns[0] - it.started_ns) / _NS_PER_MS for it in _checked(answers)]


def second_token_ms(answers: Iterable[Answer]) -> list[float]:
    """Time to the second token of each answer in ms, which has two at least: the first one to be
    decoded, which an engine may make ready for by itself.
    """
    return [float(it.token_ns[1] - it.started_ns) / _NS_PER_MS for it in _checked(answers)]


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


def relative_gaps(answers: Sequence[Answer]) -> list[list[float]]:
    """Every ITL of each answer over the median one of that answer: how uneven it comes, however
    fast it is. Over their mean where more than half come at once, and 1 where all do.
    """
    return [_over_middle(np.array(gaps)) for gaps in gaps_ms(answers)]


def _over_middle(gaps: NDArray[np.float64]) -> list[float]:
    middle = float(np.median(gaps)) or float(gaps.mean())
    return (gaps / middle).tolist() if middle else [1.0] * gaps.size


def timed_tokens(answer: Answer) -> int:
    """Steps that an answer took, the end token's among them; an ITL needs two at least."""
    return max(2, len(answer.token_ids) + (answer.finish is Finish.STOP))


def awaited_tokens(answers: Iterable[Answer]) -> list[float]:
    """Tokens of each answer that a user waits for, `LEAST_AWAITED` at least."""
    return [float(max(LEAST_AWAITED, len(it.token_ids))) for it in answers]


def late_over_early(
    answers: Sequence[Answer], others: Sequence[Answer]
) -> tuple[list[float], list[float]]:
    """Mean ITL in the last quarter of each answer over that in its first, and what would be no harm
    by the other side's answer to the same; each needs nine tokens.

    Both quarters are of one answer, so that what slows the machine cancels. No harm are tokens that
    cost as much at the end as at the start, those that grow dearer by the factor of the other side,
    and those that grow dearer by as many milliseconds: attention over a longer context takes the
    time that it takes on both sides, and is more beside matrices that were made cheap.
    """
    found, harmless = [], []
    for (early, late), (their_early, their_late) in zip(
        _early_and_late(answers), _early_and_late(others), strict=True
    ):
        found.append(late / early)
        as_much_dearer = 1 + (their_late - their_early) / early
        harmless.append(max(1.0, their_late / their_early, as_much_dearer))
    return found, harmless


def _early_and_late(answers: Sequence[Answer]) -> list[tuple[float, float]]:
    """Mean ITL of each answer in ms, in its first quarter and in its last."""
    found = []
    for gaps in gaps_ms(answers):
        quarter = len(gaps) // 4
        ends = gaps[:quarter], gaps[-quarter:]
        early, late = (max(_CLOCK_MS, float(np.mean(part))) for part in ends)
        found.append((early, late))
    return found


def comparable(kinds: Sequence[Hashable]) -> list[int]:
    """The answers, by their place, whose request was answered three times or more: of two answers
    nobody knows which one is usual.
    """
    counts = Counter(kinds)
    return [at for at, kind in enumerate(kinds) if counts[kind] >= _LEAST_ALIKE]


def stalls(times: Sequence[float], kinds: Sequence[Hashable]) -> list[bool]:
    """Which answers took three times as long as those to the same request, and a tenth of a second
    longer; times in ms, and of each what was asked.

    Requests differ, and so do variants in what they take long for: each has a median of its own.
    """
    by_kind: dict[Hashable, list[float]] = {}
    for kind, taken in zip(kinds, times, strict=True):
        by_kind.setdefault(kind, []).append(taken)
    usual = {kind: float(np.median(taken)) for kind, taken in by_kind.items()}
    return [_is_stall(it, usual[kind]) for it, kind in zip(times, kinds, strict=True)]


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
