"""Token ids, each once in a prompt, in big pieces; what fails is narrowed down to the id."""

from collections.abc import Collection, Sequence

import numpy as np

from harness.answer import Request
from harness.errors import CrashError, HangError, RequestError
from harness.metrics.edge_cases import Expected
from harness.ordeal import Ordeal, without_name

PIECE = 512
"""Ids in one prompt: each is followed by a normal request, which a model of 135 million parameters
takes as long for as for 100 ids.
"""

_ENDS = 256  # ids at either end of a vocabulary, where a table that is too short ends
_NARROWED = 3  # pieces; more failures than that are of another kind


def chosen_ids(
    size: int, count: int, special: Collection[int], random: np.random.Generator
) -> list[int]:
    """Ids of a vocabulary of that size, ascending: `count` of them, or all where that is 0.

    The special ones and those at both ends are always among them, the others are drawn: of a share
    s of the vocabulary, n broken ids are missed in (1 - s)^n of the draws.
    """
    if not 0 < count < size:
        return list(range(size))
    ends = {*range(min(_ENDS, size)), *range(max(0, size - _ENDS), size)}
    always = ends | {it for it in special if 0 <= it < size}
    others = [it for it in random.permutation(size).tolist() if it not in always]
    return sorted([*always, *others[: max(0, count - len(always))]])


def pieces(ids: Sequence[int], context: int) -> list[tuple[int, ...]]:
    """The ids in prompts of at most `PIECE`, or half the context."""
    size = max(1, min(PIECE, context // 2))
    return [tuple(ids[at : at + size]) for at in range(0, len(ids), size)]


def broken_pieces(ordeal: Ordeal, prompts: Sequence[tuple[int, ...]]) -> dict[str, str]:
    """What is wrong with each prompt of ids, by its name; empty where nothing is."""
    if ordeal.before.non_finite:
        return {"every prompt": f"{ordeal.before.non_finite} steps without finite logits"}
    found, narrowed = {}, 0
    for ids in prompts:
        problem = _problem(ordeal, ids)
        if problem and narrowed < _NARROWED:
            narrowed += 1
            ids, problem = _narrow(ordeal, ids, problem)
        found[_name(ids)] = problem
    return found


def _narrow(ordeal: Ordeal, ids: tuple[int, ...], problem: str) -> tuple[tuple[int, ...], str]:
    """The smallest part, by halves, that has a problem of its own, and that problem."""
    while len(ids) > 1:
        middle = len(ids) // 2
        halves = ((it, _problem(ordeal, it)) for it in (ids[:middle], ids[middle:]))
        worse = next((it for it in halves if it[1]), None)
        if worse is None:
            break
        ids, problem = worse
    return ids, problem


def _problem(ordeal: Ordeal, ids: tuple[int, ...]) -> str:
    """Of a prompt of these tokens, or of the text of one of them."""
    request = Request(token_ids=ids, max_new_tokens=1, fresh=False)
    return ordeal.problem(request, Expected.ANSWER) or _undecodable(ordeal, ids)


def _undecodable(ordeal: Ordeal, ids: tuple[int, ...]) -> str:
    try:
        texts = ordeal.runtime.decode([[token] for token in ids])
    except (CrashError, HangError) as error:
        return without_name(error)
    except RequestError as error:
        return f"it has no text: {error}"
    broken = any(0xD800 <= ord(char) <= 0xDFFF for text in texts for char in text)
    return "its text is not valid Unicode" if broken else ""


def _name(ids: tuple[int, ...]) -> str:
    return f"id {ids[0]}" if len(ids) == 1 else f"{len(ids)} ids from {ids[0]} to {ids[-1]}"
