"""Quality against what it costs: network calls, multiply-accumulates, real-time factor; and who is not outdone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from results.plots import figures
from results.statistics.analysis import Analysis
from results.statistics.summaries import Summary
from results.store.info import MetricInfo
from results.views.pareto import pareto

COSTS: dict[str, Callable[[Summary], float]] = {
    "network calls per recording (NFE)": lambda summary: summary.nfe or math.nan,
    "multiply-accumulates per second of audio": lambda summary: summary.cost.get("macs_per_second", math.nan),
    "real-time factor, measured alone": lambda summary: summary.rtf or math.nan,
}
"""By axis, a system's cost; NaN without one."""

_NOTE = "mean, with {interval}; grey: the Pareto front, which no system beats in both; dotted: {control}"


def quality_by_cost(analysis: Analysis) -> Figure | None:
    """A row of panels per metric, a column per cost; None unless two systems have the same kind of cost.

    The Pareto front joins the systems than which none is both better and cheaper.
    """
    names = [name for name in analysis.shown if analysis.metrics[name].direction]
    costs = [axis for axis, cost in COSTS.items() if sum(not math.isnan(cost(s)) for s in analysis.summaries) > 1]
    if not names or not costs:
        return None
    palette = figures.colours(summary.system.paradigm for summary in analysis.summaries)
    looks: list[dict[str, Any]] = [
        {"color": palette[summary.system.paradigm], "marker": figures.MARKERS[number % len(figures.MARKERS)]}
        for number, summary in enumerate(analysis.summaries)
    ]
    drawn: set[int] = set()
    with figures.style():
        figure, panels = figures.panels(len(names) * len(costs), width=3.3, height=2.7)
        for ax, (name, axis) in zip(panels, ((n, a) for n in names for a in costs), strict=True):
            drawn |= _draw(ax, analysis, name, COSTS[axis], looks)
            ax.set(xlabel=axis, ylabel=analysis.metrics[name].heading)
        systems = analysis.panel.systems
        handles = [
            Line2D([], [], linestyle="", label=figures.label(systems[number]), **looks[number])
            for number in sorted(drawn)
        ]
        controls = [figures.label(system) for system in systems if system.paradigm == "control"]
        note = _NOTE.format(interval=figures.interval(analysis), control=", ".join(controls) or "the control")
        figures.finish(figure, analysis, handles, note)
    return figure


def _draw(
    ax: Axes, analysis: Analysis, name: str, cost: Callable[[Summary], float], looks: Sequence[dict[str, Any]]
) -> set[int]:
    """Draw the systems with this cost; returns their numbers."""
    points = {
        number: (cost(summary), summary.metrics[name].mean)
        for number, summary in enumerate(analysis.summaries)
        if summary.metrics[name].n and not math.isnan(cost(summary))
    }
    for number, (x, y) in points.items():
        of_metric = analysis.summaries[number].metrics[name]
        if math.isfinite(of_metric.low):
            ax.plot((x, x), (of_metric.low, of_metric.high), color=looks[number]["color"], linewidth=1, alpha=0.7)
        ax.plot(x, y, linestyle="", markersize=6, markeredgecolor="white", zorder=3, **looks[number])
    for summary in analysis.summaries:
        if summary.system.paradigm == "control" and summary.metrics[name].n:
            ax.axhline(summary.metrics[name].mean, color=figures.COLOURS["control"], linestyle=":", linewidth=1)
    edge = front(list(points.values()), analysis.metrics[name])
    ax.step([x for x, _ in edge], [y for _, y in edge], where="post", color="0.6", linewidth=1.2, zorder=1)
    ax.set_xscale("log")
    return set(points)


def front(points: Sequence[tuple[float, float]], info: MetricInfo) -> list[tuple[float, float]]:
    """The (cost, quality) points that no other point beats in both, by increasing cost."""
    numbered = dict(enumerate(points))
    return [numbered[at] for at in pareto(numbered, info.direction)]
