"""What a reader of the report must know of how a bank was asked."""

from collections.abc import Iterator

from harness.asking import Ask, Normalize
from harness.release import Data

_COMPARED = {Normalize.TOKEN: "per token", Normalize.NONE: "as they are"}


def remarks(data: Data) -> tuple[str, ...]:
    """How it was asked, a sentence, where that is not the usual way: figures depend on it."""
    parts = list(_parts(data))
    return (f"{data.domain.name} was asked with {', '.join(parts)}",) if parts else ()


def _parts(data: Data) -> Iterator[str]:
    if data.ask is not Ask.LIKELIHOOD:
        yield f"choices listed and answered by {data.ask}"
    if data.normalize is not Normalize.BYTE:
        yield f"likelihoods compared {_COMPARED[data.normalize]}"
    if data.shots_from is not None:
        yield f"{data.shots} examples of {data.shots_from.name} before each item"
    if data.system:
        yield f"the system message {data.system!r}"
