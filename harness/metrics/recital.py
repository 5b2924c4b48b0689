"""What a model generates after a long chat, beside its own reading of the same tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.metrics.divergence import Logits, shortfall
from harness.metrics.scaling import deviation

LEAST_CHANGE = 1e-4
"""What a change is held to be at least where it is a unit: ten times what float32 can tell."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Steps after one chat, and what became of them.

    `distance` is the mean distance of the logits of the steps from those of one prefill over the
    same tokens, `shortfall` the most by which the prefill, under the same repetition penalty, finds
    another token likelier than one that was chosen; both over the mean distance of the prefill's
    logits from their middle.
    """

    distance: float
    shortfall: float


def decoded(
    steps: Logits,
    prefill: Logits,
    chosen: Sequence[int],
    greedy: Sequence[int],
    came: Sequence[int],
    ruled: Logits,
) -> Decoded:
    """`chosen` are the tokens that each step found likeliest, where those of `came` came after it.

    Of `greedy`, generated freely, the first that is not the one which came is the last to be
    judged: by `ruled`, the prefill's logits as the package's repetition penalty leaves them. Logits
    are (steps, vocabulary), and finite.
    """
    apart = deviation(prefill, steps)
    spread = float(apart.spread.mean())
    same = [mine == its for mine, its in zip(greedy, came, strict=False)]
    judged = list(greedy)[: same.index(False) + 1 if False in same else len(same)]
    short = [
        float(value)
        for tokens, logits in ((chosen, prefill), (judged, ruled))
        for value in shortfall(logits[: len(tokens)], [(token,) for token in tokens])
    ]
    return Decoded(float(apart.error.mean()) / spread, max(short, default=0.0) / spread)


def changed(before: Logits, after: Logits) -> float:
    """How far the first step's logits are from what they were, over their spread."""
    apart = deviation(before[:1], after[:1])
    return float(np.nan_to_num(apart.error[0] / apart.spread[0]))
