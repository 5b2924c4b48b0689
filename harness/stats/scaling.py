"""Cost against length: is one length dearer than the others explain?"""

import math
from collections.abc import Sequence

import numpy as np
import scipy

from harness.stats.intervals import Estimate, Sample, unbounded


def worst_ratio(
    values: Sample, references: Sample, labels: Sequence[str], confidence: float
) -> Estimate:
    """The label whose ratio to the reference exceeds the median label's ratio the most.

    Per label the median log ratio; its error comes from the spread pooled over labels (so that five
    repetitions suffice), times 1.25 for the median, on Student's t with Bonferroni over the labels.
    Unbounded below two repetitions per label or below three labels.
    """
    logs = np.log(np.asarray(values, float)) - np.log(np.asarray(references, float))
    names = list(dict.fromkeys(labels))
    groups = [logs[[label == name for label in labels]] for name in names]
    freedom = sum(group.size - 1 for group in groups)
    if len(groups) < 3 or min(group.size for group in groups) < 2:
        return unbounded(math.nan, logs.size)
    medians = np.array([np.median(group) for group in groups])
    beyond = medians - np.median(medians)
    worst = int(beyond.argmax())
    pooled = math.sqrt(sum(float(((g - g.mean()) ** 2).sum()) for g in groups) / freedom)
    quantile = float(scipy.stats.t.ppf(1 - (1 - confidence) / 2 / len(groups), freedom))
    reach = quantile * 1.25 * pooled / math.sqrt(groups[worst].size)
    middle = float(beyond[worst])
    low, high = math.exp(middle - reach), math.exp(middle + reach)
    return Estimate(math.exp(middle), low, high, logs.size, where=names[worst])
