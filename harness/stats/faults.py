"""Faults that a variant alone has, of items that the reference was asked too."""

import scipy

_BEYOND = 0.05  # level of the comparison with the rate that is allowed
_ALONE = 0.10  # of the comparison of faults that came with those that went


def is_harm(items: int, new: int, gone: int, allowed: float) -> bool:
    """Whether there are more new faults than a share of `allowed` explains (binomial), and more
    than chance alone exchanges with those that are gone (exact McNemar).
    """
    beyond = scipy.special.bdtrc(new - 1, items, allowed)
    alone = scipy.special.bdtrc(new - 1, new + gone, 0.5)
    return bool(new and beyond < _BEYOND and alone < _ALONE)


def least_new(items: int, allowed: float) -> int:
    """The fewest new faults that are harm where none is gone; one more than there are items where
    none is enough.
    """
    tries = range(1, items + 1)
    return next((new for new in tries if is_harm(items, new, 0, allowed)), items + 1)
