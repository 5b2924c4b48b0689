"""The variants of a release as a picture: what is small, what is fast, what is right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.comparison import Comparison, Contender
from harness.release import Role
from harness.reporters.plots import SETTINGS, svg
from harness.stats.pareto import front
from harness.verdict import Decision

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = {Decision.GO: "o", Decision.NO_GO: "X", Decision.INCONCLUSIVE: "s"}
_INCHES = (9.0, 5.6)
_NAME_WIDTH, _NAME_HEIGHT = 0.22, 0.045  # of a name, as shares of the axes
_TICKS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 20, 50, 100)


def comparison_plot(it: Comparison) -> str | None:
    """Size against the time between tokens beside the reference, coloured by accuracy.

    A circle is GO, a cross NO-GO, a square undecided; what is dominated is faint, and the line
    joins those than which none is both smaller and faster. None with fewer than three to show.
    """
    points = [point for one in it.contenders if (point := _point(one))]
    if len(points) < 3:
        return None
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS | {"svg.hashsalt": "comparison"}):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.subplots()
        _scale(axes, points)
        _draw_front(axes, points)
        _draw_points(figure, axes, points, {told.name for told in it.dominated})
        _write_names(axes, points)
        figure.legend(frameon=False, loc="outside lower center", fontsize=9, ncols=4)
        return svg(figure)


@dataclass(frozen=True, slots=True)
class _Point:
    """A variant in the plot; `gain` is its accuracy less the reference's, None where unknown."""

    it: Contender
    mebibytes: float
    ratio: float
    reach: tuple[float, float]
    gain: float | None


def _point(it: Contender) -> _Point | None:
    size, gain, itl = it.size_bytes / 2**20, it.known("accuracy.gain"), it.known("latency.itl")
    if it.role is Role.REFERENCE:
        return _Point(it, size, 1.0, (1.0, 1.0), 0.0) if size else None
    if itl is None or itl.measured is None or not size:
        return None
    reach = itl.interval if itl.interval and all(map(math.isfinite, itl.interval)) else None
    exactly = (itl.measured, itl.measured)
    return _Point(it, size, itl.measured, reach or exactly, gain.measured if gain else None)


def _scale(axes: "Axes", points: Sequence[_Point]) -> None:
    from matplotlib.ticker import NullLocator

    ratios = [point.ratio for point in points]
    low, high = min(ratios) / 1.4, max(ratios) * 1.4
    axes.set(yscale="log", xlabel="size (MiB)", ylabel="time between tokens beside the reference")
    axes.set(xlim=(0, 1.2 * max(point.mebibytes for point in points)), ylim=(low, high))
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g} x" for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _draw_front(axes: "Axes", points: Sequence[_Point]) -> None:
    best = [points[index] for index in front([(it.mebibytes, it.ratio) for it in points])]
    sizes, ratios = [it.mebibytes for it in best], [it.ratio for it in best]
    axes.plot(sizes, ratios, "--", color="#666666", linewidth=1.2, zorder=1, label="Pareto front")


def _draw_points(
    figure: "Figure", axes: "Axes", points: Sequence[_Point], dominated: set[str]
) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    worst = min((it.gain for it in points if it.gain is not None), default=0.0)
    colours = ScalarMappable(Normalize(min(worst, -1.0), 0.0, clip=True), cmap="cividis_r")
    _draw_legend(axes, points)
    for it in points:
        colour = "#ffffff" if it.gain is None else colours.to_rgba(np.array(it.gain))
        alpha = 0.35 if it.it.name in dominated else 1.0
        axes.plot([it.mebibytes] * 2, it.reach, color="#333333", linewidth=1.2, alpha=alpha)
        axes.plot(
            [it.mebibytes],
            [it.ratio],
            color=colour,
            alpha=alpha,
            marker=_MARKERS[it.it.decision],
            markersize=10,
            markeredgecolor="#333333",
            markeredgewidth=0.8,
        )
    figure.colorbar(colours, ax=axes, label="accuracy less the reference's (points)", shrink=0.8)


def _draw_legend(axes: "Axes", points: Sequence[_Point]) -> None:
    for decision in dict.fromkeys(it.it.decision for it in points):
        marker = _MARKERS[decision]
        axes.plot([], [], marker, label=str(decision), color="#888888", markersize=8)


def _write_names(axes: "Axes", points: Sequence[_Point]) -> None:
    """Each right of its point, and above the next lower name where the two would meet."""
    low, high = map(math.log, axes.get_ylim())
    written: list[tuple[float, float]] = []  # left end and height, as shares of the axes
    for it in sorted(points, key=lambda point: point.ratio):
        left = it.mebibytes / axes.get_xlim()[1] + 0.025
        own = (math.log(it.ratio) - low) / (high - low)
        below = [height for other, height in written if abs(other - left) < _NAME_WIDTH]
        height = max([own, *(it + _NAME_HEIGHT for it in below)])
        written.append((left, height))
        axes.annotate(
            it.it.name,
            (it.mebibytes, it.ratio),
            xytext=(left, height),
            textcoords="axes fraction",
            fontsize=9,
            verticalalignment="center",
            arrowprops={"arrowstyle": "-", "color": "#999999", "linewidth": 0.6, "shrinkB": 5},
        )
