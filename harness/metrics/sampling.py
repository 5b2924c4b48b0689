"""What a model's own distribution says of sampled texts: how likely two of them are the same."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.metrics.likelihood import Logits, Tokens, in_parts, log_softmax

IMPROBABLE = 1e-6
"""What is less likely than that did not happen by chance."""

HOTTER = (1.25, 1.5, 2.0, 3.0, 5.0)
"""Factors on a temperature, of which each is as good a guess as the others."""

Ratios = NDArray[np.float64]
"""Logarithms in nats of a text's likelihood ratios, one for each of `HOTTER`."""


def certainty(logits: Logits, temperature: float = 1.0) -> NDArray[np.float64]:
    """The largest probability of each position at a temperature, (positions,)."""
    rows = [log_softmax(logits[part] / temperature).max(axis=1) for part in in_parts(logits)]
    found: NDArray[np.float64] = np.exp(np.concatenate(rows))
    return found


def log_chance(logits: Logits, tokens: Tokens, temperature: float) -> float:
    """Log-probability in nats of a text drawn at a temperature; 0 where logits are no numbers.

    `logits`, (tokens, vocabulary), predict its tokens. So likely is it that a second draw that
    knows nothing of the first gives the same text.
    """
    total = _log_likelihood(logits, tokens, temperature)
    return 0.0 if math.isnan(total) else total


def tail(chances: Sequence[float], count: int) -> float:
    """Probability that `count` or more of independent events happen, each with a chance of its own.

    The Poisson binomial distribution, by convolution.
    """
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, (1 - chance, chance))
    return float(distribution[count:].sum())


def needed(rate: float, miss: float = 0.05) -> int:
    """Requests of which one at least goes wrong but for a probability of `miss`, at such a rate.

    ln(miss) / ln(1 - rate): 299 for 1 in 100.
    """
    return math.ceil(math.log(miss) / math.log1p(-rate))


def log_ratios(logits: Logits, tokens: Tokens, temperature: float) -> Ratios:
    """How much likelier a text is at each of `HOTTER` than at the temperature that is stated, in
    nats; not finite where logits, (tokens, vocabulary), are no numbers.
    """
    stated = _log_likelihood(logits, tokens, temperature)
    hotter = [_log_likelihood(logits, tokens, temperature * factor) for factor in HOTTER]
    return np.array(hotter) - stated


def heat(texts: Sequence[Ratios]) -> float | None:
    """Evidence in nats that texts were drawn at a higher temperature than the one that is stated.

    The logarithm of a mixture of likelihood ratios, one for each of `HOTTER`, from the `log_ratios`
    of each text. Drawn at the stated temperature or a lower one, from all tokens or the likeliest,
    a ratio is 1 at most in the mean: the probability of evidence over x is exp(-x) at most
    (Markov), whatever the model. Texts whose ratios are no numbers are left out; None where no text
    is left, which is no evidence of either.
    """
    known = [found for found in texts if np.isfinite(found).all()]
    if not known:
        return None
    return float(np.logaddexp.reduce(np.sum(known, axis=0)) - math.log(len(HOTTER)))


def _log_likelihood(logits: Logits, tokens: Tokens, temperature: float) -> float:
    total = 0.0
    for part in in_parts(logits):
        rows, coming = log_softmax(logits[part] / temperature), np.array(tokens[part], np.int64)
        total += float(rows[np.arange(len(coming)), coming].sum())
    return total


def penalized(logits: Logits, prompt: Tokens, tokens: Tokens, penalty: float) -> Logits:
    """Logits as a repetition penalty leaves them: tokens that were there already count for less.

    Positive ones are divided and negative ones multiplied by it (Keskar et al. 2019).
    """
    if penalty == 1.0:
        return logits
    rows = logits.copy()
    for place, row in enumerate(rows):
        seen = list({*prompt, *tokens[:place]})
        row[seen] = np.where(row[seen] < 0, row[seen] * penalty, row[seen] / penalty)
    return rows
