"""How many items show a loss of so much, by a test that needs so many losses of so many items."""

from collections.abc import Callable

import scipy

MOST_ITEMS = 1 << 11
"""Of a slice or a format: more are never asked for."""

LeastLosses = Callable[[int], int]
"""The fewest losses, of so many items and with none won, that a test takes for harm; one more than
there are items where none is enough.
"""

_MORE = 100


def items_needed(least: LeastLosses, share: float, power: float) -> int:
    """The fewest items of which, as of more, a loss of this share is seen so often.

    More items may take one loss more, so that it is seen a little less often, but not for long:
    half as many again are looked at. `MOST_ITEMS` where no number of items will do.
    """
    unseen = size = 0
    while size <= min(MOST_ITEMS, _MORE + unseen + unseen // 2):
        size += 1
        if scipy.special.bdtrc(least(size) - 1, size, share) < power:
            unseen = size
    return min(unseen + 1, MOST_ITEMS)


def share_seen(least: LeastLosses, items: int, power: float) -> float:
    """The least share whose loss is seen so often of so many items; 1 where not even that is."""
    needed = least(items)
    if needed > items:
        return 1.0
    return float(scipy.special.betaincinv(needed, items - needed + 1, power))
