"""From a measurement to the figure that a rule judges."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np

from harness.measurement import Measurement
from harness.statistic import Statistic
from harness.stats import (
    betting,
    cliffs,
    clusters,
    guessing,
    intervals,
    paired,
    perplexity,
    quantile,
    scaling,
    sequential,
    slices,
    steady,
    steps,
    trend,
)
from harness.stats.intervals import Estimate

_NAMED = 3  # labels in a sentence
_SEEN_KIB = 64  # what a kernel's counters may lag behind


@lru_cache(maxsize=1024)  # a session judges a measurement when it is recorded and at its end
def estimate(measurement: Measurement, statistic: Statistic, confidence: float) -> Estimate:
    """The statistic of a measurement with its two-sided interval.

    The measurement must hold at least one value, and what `PAIRED` and `LABELLED` ask for.
    """
    return _BY_STATISTIC[statistic](measurement, confidence)


def estimates(measurement: Measurement, statistic: Statistic, confidence: float) -> list[Estimate]:
    """Each figure that must hold by itself: one, or for growth one of each kind of request."""
    if statistic is Statistic.GROWTH:
        return _growths(measurement, confidence)
    return [estimate(measurement, statistic, confidence)]


def _total(it: Measurement, _: float) -> Estimate:
    found = intervals.exact(float(np.sum(it.values)), len(it.values))
    named = [label for label, value in zip(it.labels, it.values, strict=False) if value]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return replace(found, where=", ".join(named[:_NAMED]) + more)


def _maximum(it: Measurement, _: float) -> Estimate:
    found = intervals.exact(max(it.values), len(it.values))
    return replace(found, where=it.labels[it.values.index(found.value)] if it.labels else "")


def _minimum(it: Measurement, _: float) -> Estimate:
    found = intervals.exact(min(it.values), len(it.values))
    return replace(found, where=it.labels[it.values.index(found.value)] if it.labels else "")


def _peak_ratio(it: Measurement, _: float) -> Estimate:
    return intervals.exact(max(it.values) / max(it.reference_values), len(it.values))


def _mean(it: Measurement, confidence: float) -> Estimate:
    if it.labels:
        return intervals.cluster_mean_interval(it.values, it.labels, confidence)
    return intervals.mean_interval(it.values, confidence)


def _mean_ratio(it: Measurement, confidence: float) -> Estimate:
    return intervals.mean_ratio_interval(it.values, it.reference_values, it.labels, confidence)


def _median(it: Measurement, confidence: float) -> Estimate:
    return intervals.median_interval(it.values, confidence)


def _share(it: Measurement, confidence: float) -> Estimate:
    return intervals.share_interval(int(np.sum(it.values)), len(it.values), confidence)


def _score(it: Measurement, confidence: float) -> Estimate:
    return betting.score_interval(it.values, confidence)


def _beyond_chance(it: Measurement, confidence: float) -> Estimate:
    found = guessing.beyond_chance_interval(it.values, [*map(float, it.labels)], confidence)
    return _in_points(found)


def _ratio(it: Measurement, confidence: float) -> Estimate:
    if it.clusters:
        return clusters.ratio_interval(
            it.values, it.reference_values, it.clusters, it.planned, confidence
        )
    return sequential.ratio_at_last_look(it.values, it.reference_values, it.planned, confidence)


def _p50(it: Measurement, confidence: float) -> Estimate:
    return _quantile(it, 0.50, confidence)


def _p90(it: Measurement, confidence: float) -> Estimate:
    return _quantile(it, 0.90, confidence)


def _p95(it: Measurement, confidence: float) -> Estimate:
    return _quantile(it, 0.95, confidence)


def _p99(it: Measurement, confidence: float) -> Estimate:
    return _quantile(it, 0.99, confidence)


def _p99_9(it: Measurement, confidence: float) -> Estimate:
    return _quantile(it, 0.999, confidence)


def _quantile(it: Measurement, share: float, confidence: float) -> Estimate:
    return quantile.quantile_interval(it.values, it.labels, share, confidence, _generator())


def _p95_order(it: Measurement, confidence: float) -> Estimate:
    return intervals.order_interval(it.values, 0.95, confidence)


def _p5_order(it: Measurement, confidence: float) -> Estimate:
    return intervals.order_interval(it.values, 0.05, confidence)


def _p95_tolerance(it: Measurement, confidence: float) -> Estimate:
    return intervals.tolerance_interval(it.values, 0.95, confidence)


def _p95_ratio(it: Measurement, confidence: float) -> Estimate:
    return _quantile_ratio(it, 0.95, confidence)


def _p99_ratio(it: Measurement, confidence: float) -> Estimate:
    return _quantile_ratio(it, 0.99, confidence)


def _quantile_ratio(it: Measurement, share: float, confidence: float) -> Estimate:
    return quantile.quantile_ratio_interval(
        it.values, it.reference_values, it.labels, share, confidence, _generator()
    )


def _perplexity(it: Measurement, confidence: float) -> Estimate:
    return perplexity.perplexity_interval(it.values, it.labels, confidence)


def _perplexity_ratio(it: Measurement, confidence: float) -> Estimate:
    return perplexity.perplexity_ratio_interval(
        it.values, it.reference_values, it.labels, confidence
    )


def _generator() -> np.random.Generator:
    """Always the same, so that stored evidence is judged the same again."""
    return np.random.default_rng(0)


def _drift(it: Measurement, confidence: float) -> Estimate:
    names = it.clusters or ("",) * len(it.values)
    found = []
    for name in dict.fromkeys(names):
        at = [index for index, cluster in enumerate(names) if cluster == name]
        mine, theirs = ([side[i] for i in at] for side in (it.values, it.reference_values))
        found.append(steady.drift_per_hundred(mine, theirs, confidence))
    return steady.of_most_processes(found, confidence)


def _gain(it: Measurement, confidence: float) -> Estimate:
    return _in_points(paired.gain_interval(it.values, it.reference_values, confidence))


def _worst_slice(it: Measurement, confidence: float) -> Estimate:
    """Of the slice that stands most against the variant; see `harness.stats.slices`."""
    name = slices.worst(slices.screen(differences(it), it.labels)).name
    at = [index for index, label in enumerate(it.labels) if label == name]
    gain = paired.gain_interval(
        [it.values[i] for i in at], [it.reference_values[i] for i in at], confidence
    )
    return replace(_in_points(gain), where=name)


def differences(it: Measurement) -> list[float]:
    """Each value less the reference's."""
    return [mine - theirs for mine, theirs in zip(it.values, it.reference_values, strict=True)]


def _in_points(gain: Estimate) -> Estimate:
    """A difference of shares as percentage points."""
    return replace(gain, value=100 * gain.value, lower=100 * gain.lower, upper=100 * gain.upper)


def _worst_cliff(it: Measurement, confidence: float) -> Estimate:
    return cliffs.worst_cliff(
        it.values, it.reference_values, it.labels, confidence, clusters=it.clusters
    )


def _worst_decode_cliff(it: Measurement, confidence: float) -> Estimate:
    return cliffs.worst_cliff(
        it.values,
        it.reference_values,
        it.labels,
        confidence,
        cliffs.DECODE_TOLERANCE,
        it.clusters,
    )


def _exponent_gain(it: Measurement, confidence: float) -> Estimate:
    return scaling.exponent_gain(
        it.values, it.reference_values, it.labels, confidence, _generator()
    )


def _cost_at_start(it: Measurement, confidence: float) -> Estimate:
    return scaling.cost_interval(it.values, it.labels, 0, confidence, _generator())


def _cost_linear(it: Measurement, confidence: float) -> Estimate:
    return scaling.cost_interval(it.values, it.labels, 1, confidence, _generator())


def _cost_quadratic(it: Measurement, confidence: float) -> Estimate:
    return scaling.cost_interval(it.values, it.labels, 2, confidence, _generator())


def _change(it: Measurement, confidence: float) -> Estimate:
    return scaling.change_interval(
        it.values, it.reference_values, it.labels, confidence, it.clusters
    )


def _worst_step(it: Measurement, confidence: float) -> Estimate:
    return steps.worst_step(it.values, it.reference_values, it.labels, confidence)


def _worst_excess(it: Measurement, confidence: float) -> Estimate:
    return steps.worst_excess(it.values, it.labels, confidence)


def _worst_drop(it: Measurement, confidence: float) -> Estimate:
    return _in_points(steps.worst_drop(it.values, it.labels, confidence))


def _growths(it: Measurement, confidence: float) -> list[Estimate]:
    """Of each kind's levels per step; labels are kind and step, "refused requests 120"."""
    kinds, _, steps = zip(*(label.rpartition(" ") for label in it.labels), strict=True)
    at = np.array([float(step) for step in steps])
    names = list(dict.fromkeys(kinds))
    shared = trend.shared_confidence(confidence, len(names))
    found = []
    for name in names:
        mine = np.array([kind == name for kind in kinds])
        growth = trend.growth_interval(at[mine], np.array(it.values)[mine], shared)
        found.append(replace(growth, where=name))
    return found


def _growth(it: Measurement, confidence: float) -> Estimate:
    return max(_growths(it, confidence), key=lambda growth: (growth.lower, growth.value))


def _hours_to_fill(it: Measurement, confidence: float) -> Estimate:
    """Of what grows most; growth in doubt, or too small in all to be seen, never fills the room."""
    growth = _growth(it, confidence)
    hours = max(float(label.rpartition(" ")[2]) for label in it.labels)
    if growth.doubt or growth.lower * hours < _SEEN_KIB:
        growth = replace(growth, value=0.0, lower=0.0)
    return trend.time_to_fill(it.room - it.values[-1], growth)


def _slope(it: Measurement, confidence: float) -> Estimate:
    return trend.slope_interval([float(label) for label in it.labels], it.values, confidence)


def _excess(it: Measurement, confidence: float) -> Estimate:
    return _in_points(paired.gain_interval(it.values, it.reference_values, confidence))


def _new_faults(it: Measurement, confidence: float) -> Estimate:
    """Of the items that can have the fault: those with a label."""
    at = [index for index, label in enumerate(it.labels) if label]
    if not at:
        return intervals.exact(0.0, 0)
    mine, theirs = ([values[i] for i in at] for values in (it.values, it.reference_values))
    return _in_points(paired.gain_interval(mine, theirs, confidence))


_BY_STATISTIC: dict[Statistic, Callable[[Measurement, float], Estimate]] = {
    Statistic.TOTAL: _total,
    Statistic.PEAK_RATIO: _peak_ratio,
    Statistic.MAXIMUM: _maximum,
    Statistic.MINIMUM: _minimum,
    Statistic.MEAN: _mean,
    Statistic.MEAN_RATIO: _mean_ratio,
    Statistic.MEDIAN: _median,
    Statistic.SHARE: _share,
    Statistic.SCORE: _score,
    Statistic.BEYOND_CHANCE: _beyond_chance,
    Statistic.P50: _p50,
    Statistic.P90: _p90,
    Statistic.P95: _p95,
    Statistic.P99: _p99,
    Statistic.P99_9: _p99_9,
    Statistic.P95_ORDER: _p95_order,
    Statistic.P5_ORDER: _p5_order,
    Statistic.P95_TOLERANCE: _p95_tolerance,
    Statistic.P95_RATIO: _p95_ratio,
    Statistic.P99_RATIO: _p99_ratio,
    Statistic.RATIO: _ratio,
    Statistic.DRIFT: _drift,
    Statistic.PERPLEXITY: _perplexity,
    Statistic.PERPLEXITY_RATIO: _perplexity_ratio,
    Statistic.GAIN: _gain,
    Statistic.SEQUENTIAL_GAIN: _gain,
    Statistic.WORST_SLICE: _worst_slice,
    Statistic.WORST_CLIFF: _worst_cliff,
    Statistic.WORST_DECODE_CLIFF: _worst_decode_cliff,
    Statistic.EXPONENT_GAIN: _exponent_gain,
    Statistic.COST_AT_START: _cost_at_start,
    Statistic.COST_LINEAR: _cost_linear,
    Statistic.COST_QUADRATIC: _cost_quadratic,
    Statistic.CHANGE: _change,
    Statistic.WORST_STEP: _worst_step,
    Statistic.WORST_EXCESS: _worst_excess,
    Statistic.WORST_DROP: _worst_drop,
    Statistic.GROWTH: _growth,
    Statistic.HOURS_TO_FILL: _hours_to_fill,
    Statistic.SLOPE: _slope,
    Statistic.EXCESS: _excess,
    Statistic.NEW_FAULTS: _new_faults,
}
