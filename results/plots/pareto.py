"""Quality against what it costs: network calls, multiply-accumulates, real-time factor; and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from results.plots import figures
from results.statistics.analysis import Analysis
from results.views.pareto import COSTS, TradeOff, trade_off

_NOTE = (
    "mean, with {interval}; grey: the Pareto front, than which no system is both better and cheaper; dotted: control"
)


def quality_by_cost(analysis: Analysis) -> Figure | None:
    """A panel for each metric and each kind of cost that two systems have; None if there is none."""
    views = [
        view
        for name in analysis.shown
        if analysis.metrics[name].direction
        for cost in COSTS
        if (view := trade_off(analysis, cost, name)) is not None
    ]
    if not views:
        return None
    palette = figures.colours(system.paradigm for system in analysis.panel.systems)
    looks: list[dict[str, Any]] = [
        {"color": palette[system.paradigm], "marker": figures.MARKERS[number % len(figures.MARKERS)]}
        for number, system in enumerate(analysis.panel.systems)
    ]
    with figures.style():
        figure, panels = figures.panels(len(views), width=3.3, height=2.7)
        for ax, view in zip(panels, views, strict=True):
            _draw(ax, analysis, view, looks)
            ax.set(xlabel=COSTS[view.cost], ylabel=analysis.metrics[view.metric].heading, xscale="log")
        handles = [
            Line2D([], [], linestyle="", label=figures.label(analysis.panel.systems[number]), **looks[number])
            for number in sorted({number for view in views for number in view.points})
        ]
        figures.finish(figure, analysis, handles, _NOTE.format(interval=figures.interval(analysis)))
    return figure


def _draw(ax: Axes, analysis: Analysis, view: TradeOff, looks: Sequence[dict[str, Any]]) -> None:
    for number, (x, y) in view.points.items():
        of_metric = analysis.summaries[number].metrics[view.metric]
        if math.isfinite(of_metric.low):
            ax.plot((x, x), (of_metric.low, of_metric.high), color=looks[number]["color"], linewidth=1, alpha=0.7)
        ax.plot(x, y, linestyle="", markersize=6, markeredgecolor="white", zorder=3, **looks[number])
    for summary in analysis.summaries:
        if summary.system.paradigm == "control" and summary.metrics[view.metric].n:
            ax.axhline(summary.metrics[view.metric].mean, color=figures.COLOURS["control"], linestyle=":", linewidth=1)
    edge = [view.points[number] for number in view.front]
    ax.step([x for x, _ in edge], [y for _, y in edge], where="post", color="0.6", linewidth=1.2, zorder=1)
