"""Faults that a variant alone has, of items that the reference was asked too."""

import scipy

_BEYOND = 0.05  # level of the comparison with the rate that is allowed
_ALONE = 0.10  # of the comparison of faults that came with those that went
_ALONE_OF_FEW = 0.25  # two that came with none gone


def is_harm(items: int, new: int, gone: int, allowed: float) -> bool:
    """Whether there are more new faults than a share of `allowed` explains (binomial), and more
    than chance alone exchanges with those that are gone (exact McNemar).
    """
    return _is_beyond(items, new, allowed) and _by_chance(new, gone) < _ALONE


def is_doubtful(items: int, new: int, gone: int, allowed: float) -> bool:
    """Whether new faults are more than is allowed explains, and hardly what chance exchanges.

    Of items that are too few for `is_harm` to see a loss in: 3 of 20 are a sixth, and no proof.
    """
    return _is_beyond(items, new, allowed) and _by_chance(new, gone) <= _ALONE_OF_FEW


def _is_beyond(items: int, new: int, allowed: float) -> bool:
    return bool(new and scipy.special.bdtrc(new - 1, items, allowed) < _BEYOND)


def _by_chance(new: int, gone: int) -> float:
    """How likely so many or more of all that changed are new ones."""
    return float(scipy.special.bdtrc(new - 1, new + gone, 0.5))


def least_new(items: int, allowed: float) -> int:
    """The fewest new faults that are harm where none is gone; one more than there are items where
    none is enough.
    """
    tries = range(1, items + 1)
    return next((new for new in tries if is_harm(items, new, 0, allowed)), items + 1)
