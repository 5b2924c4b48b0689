"""The statistics that a rule may name, and what values each needs."""

from enum import StrEnum


class Statistic(StrEnum):
    """How one figure and its interval come of raw values; see `harness.estimate`."""

    TOTAL = "total"  # sum, exact; with labels it names those that are not 0
    PEAK_RATIO = "peak_ratio"  # largest over the reference's largest, exact
    MAXIMUM = "maximum"  # largest, exact; with labels it names the one that has it
    MINIMUM = "minimum"  # smallest, exact
    MEAN = "mean"  # Student t over label means (clusters), else over values
    MEAN_RATIO = "mean_ratio"  # of means, same positions of both: Student t over label means
    MEDIAN = "median"  # order statistics
    SHARE = "share"  # of values that are 1: Clopper-Pearson
    P50 = "p50"  # quantiles: moving-block bootstrap over labels
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"
    P99_9 = "p99_9"
    P95_ORDER = "p95_order"  # quantile between two order statistics
    P5_ORDER = "p5_order"
    P95_TOLERANCE = "p95_tolerance"  # of few values, whose logarithms are normal
    P95_RATIO = "p95_ratio"  # of the 95 % quantiles, blocks in pairs
    P99_RATIO = "p99_ratio"
    RATIO = "ratio"  # to the reference, paired: Hodges-Lehmann of log ratios, t over processes
    DRIFT = "drift"  # of that ratio over a hundred requests in order: Theil-Sen
    PERPLEXITY = "perplexity"  # of log-likelihoods of tokens: Student t over label means
    PERPLEXITY_RATIO = "perplexity_ratio"  # to the reference's, of the same tokens
    SCORE = "score"  # mean of scores, wherever a run stopped: mixture of bets
    BEYOND_CHANCE = "beyond_chance"  # the same less its chance, the label, in points: a bet decides
    GAIN = "gain"  # paired difference of scores in points: Tango's score interval
    SEQUENTIAL_GAIN = "sequential_gain"  # the same, in the order asked: a bet decides
    WORST_SLICE = "worst_slice"  # the same, of the label that lost most: a screen decides
    NEW_FAULTS = "new_faults"  # 0/1 faults less the reference's, in points: an exact test decides
    WORST_CLIFF = "worst_cliff"  # jump of the ratio to the reference from length to length
    WORST_DECODE_CLIFF = "worst_decode_cliff"  # the same, of times between tokens
    EXPONENT_GAIN = "exponent_gain"  # growth with length beyond the reference's: bootstrap
    COST_AT_START = "cost_at_start"  # a of a + b n + c n^2, n in thousand tokens: bootstrap
    COST_LINEAR = "cost_linear"  # b
    COST_QUADRATIC = "cost_quadratic"  # c
    CHANGE = "change"  # of the ratio to the reference, after long prompts: Hodges-Lehmann
    WORST_STEP = "worst_step"  # of a relative error from length to length, paired by position
    WORST_EXCESS = "worst_excess"  # mean per length over the shortest's, the largest ratio
    WORST_DROP = "worst_drop"  # share per length less the shortest's, the lowest: Tango
    GROWTH = "growth"  # of a level per request: Theil-Sen, for each kind of request
    HOURS_TO_FILL = "hours_to_fill"  # until growth has filled the room that is stated
    SLOPE = "slope"  # per 1,000 tokens: Theil-Sen
    EXCESS = "excess"  # paired difference of 0/1 faults in points: Tango's score interval


PAIRED = {
    Statistic.PEAK_RATIO,
    Statistic.RATIO,
    Statistic.P95_RATIO,
    Statistic.P99_RATIO,
    Statistic.MEAN_RATIO,
    Statistic.DRIFT,
    Statistic.PERPLEXITY_RATIO,
    Statistic.GAIN,
    Statistic.SEQUENTIAL_GAIN,
    Statistic.WORST_SLICE,
    Statistic.WORST_CLIFF,
    Statistic.WORST_DECODE_CLIFF,
    Statistic.EXPONENT_GAIN,
    Statistic.CHANGE,
    Statistic.WORST_STEP,
    Statistic.EXCESS,
    Statistic.NEW_FAULTS,
}
"""Statistics that need the reference's values beside the variant's."""

LABELLED = {
    Statistic.P50,
    Statistic.P90,
    Statistic.P95,
    Statistic.P99,
    Statistic.P99_9,
    Statistic.P95_RATIO,
    Statistic.P99_RATIO,
    Statistic.MEAN_RATIO,
    Statistic.PERPLEXITY,
    Statistic.PERPLEXITY_RATIO,
    Statistic.WORST_SLICE,
    Statistic.WORST_CLIFF,
    Statistic.WORST_DECODE_CLIFF,
    Statistic.EXPONENT_GAIN,
    Statistic.COST_AT_START,
    Statistic.COST_LINEAR,
    Statistic.COST_QUADRATIC,
    Statistic.CHANGE,
    Statistic.WORST_STEP,
    Statistic.WORST_EXCESS,
    Statistic.WORST_DROP,
    Statistic.GROWTH,
    Statistic.HOURS_TO_FILL,
    Statistic.SLOPE,
    Statistic.NEW_FAULTS,
    Statistic.BEYOND_CHANCE,
}
"""Statistics that need a label for every value."""
