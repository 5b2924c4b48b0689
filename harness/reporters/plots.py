"""Pictures of what was measured, as SVG text; the same values give the same picture."""

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.evidence import Evidence
from harness.measurement import Measurement
from harness.stats.rungs import by_length
from harness.stats.scaling import cost_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion, which no kind of colour blindness confuses.
_MINE = {"color": "#0072B2", "marker": "o", "linestyle": "-", "zorder": 3}
_THEIRS = {"color": "#D55E00", "marker": "s", "linestyle": "--", "zorder": 2}
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "scaling",
    "svg.fonttype": "none",  # text stays text
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_INCHES = (11.0, 4.8)
_SHOWN = (0.25, 0.5, 0.75)  # quantiles


def scaling_plots(evidence: Evidence) -> dict[str, str]:
    """The plot of every variant whose times by prompt length are there, by its name."""
    taken = {(it.variant, it.metric): it for it in evidence.measurements if it.values}
    both = {
        name: (taken.get((name, "scaling.ttft")), taken.get((name, "scaling.itl")))
        for name in evidence.subjects
    }
    return {name: scaling_plot(ttft, itl) for name, (ttft, itl) in both.items() if ttft and itl}


def scaling_plot(ttft: Measurement, itl: Measurement) -> str:
    """TTFT and ITL of a variant by prompt length, beside the reference's where there are some.

    Medians and quartiles, and of TTFT the fitted cost. What was measured again is left out.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=_INCHES, layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw(left, ttft)
        _draw_costs(left, ttft)
        left.set(yscale="log", ylabel="time to first token (ms)")
        left.yaxis.set_major_formatter("{x:,g}")
        _draw(right, itl)
        right.set(ylim=(0, None), ylabel="time between tokens (ms)")
        for axes in (left, right):
            _finish(axes, [int(label) for label in by_length(ttft.values, ttft.labels)])
        return svg(figure)


def _draw(axes: "Axes", it: Measurement) -> None:
    for name, values, style in _sides(it):
        groups = by_length(values, it.labels)
        lengths = list(groups)
        low, middle, high = np.array([np.quantile(group, _SHOWN) for group in groups.values()]).T
        axes.fill_between(lengths, low, high, color=style["color"], alpha=0.18, linewidth=0)
        axes.plot(lengths, middle, label=name, markersize=4.5, linewidth=1.4, **style)


def _draw_costs(axes: "Axes", it: Measurement) -> None:
    for name, values, style in _sides(it):
        lengths, curve = list(by_length(values, it.labels)), cost_curve(values, it.labels)
        if any(map(math.isnan, curve)):
            continue
        grid = np.geomspace(lengths[0], lengths[-1], 100)
        fitted = np.polynomial.polynomial.polyval(grid / 1000, curve)
        label = f"{name}: {_formula(curve)}"
        axes.plot(grid, fitted, ":", color=style["color"], linewidth=1.6, label=label)


def _sides(it: Measurement) -> list[tuple[str, Sequence[float], dict[str, Any]]]:
    mine = (it.variant, it.values, _MINE)
    theirs = (it.beside, it.reference_values, _THEIRS)
    return [mine, theirs] if it.reference_values else [mine]


def _formula(curve: Sequence[float]) -> str:
    terms = zip(curve, ("", " k", " k²"), strict=True)
    return (
        " + ".join(f"{part:.3g}{power}" for part, power in terms if part) + " ms, k = 1,000 tokens"
    )


def _finish(axes: "Axes", lengths: Sequence[int]) -> None:
    """A logarithmic scale with a tick at every power of two, and the legend."""
    from matplotlib.ticker import NullLocator

    first, last = math.log2(min(lengths)), math.log2(max(lengths))
    ticks = [2**power for power in range(math.ceil(first), math.ceil(last) + 1)]
    axes.set(xscale="log", xlabel="prompt length (tokens)")
    axes.set_xlim(min(lengths) / 1.15, max(*lengths, *ticks) * 1.15)
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="upper left", fontsize=9)


def svg(figure: "Figure") -> str:
    """The figure as text, with no date in it."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
