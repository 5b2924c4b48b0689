"""Several tests at once."""

import numpy as np
from numpy.typing import NDArray

from harness.stats.intervals import Sample


def holm(p_values: Sample) -> NDArray[np.float64]:
    """P values of tests on the last axis, adjusted for their number.

    Those under a level hold a false alarm no more often than that (Holm 1979, Scandinavian Journal
    of Statistics 6:65-70).
    """
    values = np.asarray(p_values, float)
    order = np.argsort(values, axis=-1)
    factors = np.arange(values.shape[-1], 0, -1)
    ordered = np.take_along_axis(values, order, -1) * factors
    adjusted = np.empty_like(values)
    stepped = np.minimum(np.maximum.accumulate(ordered, axis=-1), 1.0)
    np.put_along_axis(adjusted, order, stepped, -1)
    return adjusted
