"""What a reader of the report must know of how a bank was asked."""

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.asking import Ask, Normalize
from harness.data_check import Kind, duplicates
from harness.finding import quantity
from harness.guesses import guesses
from harness.item import Item
from harness.release import Data

_COMPARED = {
    Normalize.BYTE: "per byte",
    Normalize.CHARACTER: "per character",
    Normalize.TOKEN: "per token",
    Normalize.NONE: "as they are",
}

_REPEATED = {
    Kind.CONTRADICTION: "ask what others ask and expect other answers; one of each is asked, and "
    "the answers of the rest are taken for wrong",
    Kind.DUPLICATE: "ask what others ask; one of each is asked",
    Kind.NEAR_DUPLICATE: "ask nearly what others ask, and count as if they did not",
}


def remarks(data: Data, items: Sequence[Item]) -> tuple[str, ...]:
    """How it was asked, a sentence, where that is not the usual way: figures depend on it. And what
    of it is there more than once.
    """
    parts, found = list(_parts(data)), list[str]()
    if parts:
        found.append(f"{data.domain.name} was asked with {', '.join(parts)}")
    counts = Counter[Kind]()
    for problem in duplicates(items):
        counts[problem.kind] += len(problem.ids)
    for kind, what in _REPEATED.items():
        if counts[kind]:
            found.append(f"{data.domain.name}: {counts[kind]:,} items {what}")
    for name, answer, share in guesses(items):
        if any((it.slice, it.chance) == (name, share) for it in items):  # none of it is stated
            found.append(
                f"{data.domain.name}: {answer!r} is the answer to {quantity(share, 'share')} of "
                f"{name}, and to know the domain is to be right more often"
            )
    return tuple(found)


def _parts(data: Data) -> Iterator[str]:
    if data.ask is not Ask.LIKELIHOOD:
        yield f"choices listed and answered by {data.ask}"
    if data.normalize is not None:
        yield f"likelihoods compared {_COMPARED[data.normalize]}"
    if data.shots_from is not None:
        yield f"{data.shots} examples of {data.shots_from.name} before each item"
    if data.system:
        yield f"the system message {data.system!r}"
