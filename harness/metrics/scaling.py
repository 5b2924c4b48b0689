"""The lengths at which cost is measured."""

_SHORTEST = 32
_STEP = 2


def ladder(longest: int) -> tuple[int, ...]:
    """A geometric ladder of prompt lengths in tokens, from 32 in steps of two, and `longest`.

    With a context shorter than the shortest rung there is only `longest`.
    """
    rungs = []
    length = _SHORTEST
    while length < longest:
        rungs.append(length)
        length *= _STEP
    return (*rungs, longest)
