"""Perplexity from the log-likelihoods of tokens, passages of any length weighed by their tokens."""

from collections.abc import Sequence

import numpy as np

from harness.stats.intervals import Estimate, Sample, cluster_mean_interval


def perplexity_interval(values: Sample, labels: Sequence[str], confidence: float) -> Estimate:
    """The exponential of the mean negative log-likelihood in nats, tokens of one label together.

    The interval is that of the mean over clusters (`cluster_mean_interval`), its ends taken through
    the exponential. Unbounded below two labels.
    """
    return _raised(cluster_mean_interval(-np.asarray(values, float), labels, confidence))


def perplexity_ratio_interval(
    values: Sample, references: Sample, labels: Sequence[str], confidence: float
) -> Estimate:
    """Perplexity over the reference's on the same tokens, index by index: above 1 it is worse.

    The differences of log-likelihoods are what is averaged, as llama.cpp's perplexity tool does, so
    that what is hard about a passage cancels. Unbounded below two labels.
    """
    apart = np.asarray(references, float) - np.asarray(values, float)
    return _raised(cluster_mean_interval(apart, labels, confidence))


def _raised(mean: Estimate) -> Estimate:
    """An estimate of a mean as one of its exponential, which may be beyond all numbers."""
    with np.errstate(over="ignore"):
        value, lower, upper = map(float, np.exp([mean.value, mean.lower, mean.upper]))
    return Estimate(value, lower, upper, mean.samples)
