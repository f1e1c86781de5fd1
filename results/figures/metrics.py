"""Fig. 6: metrics over the number of reverse steps N. Fig. 9: word error rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.core.errors import UserError
from results.figures import page
from results.plots import figures
from results.statistics.analysis import Analysis
from results.store.info import MetricInfo


@dataclass(frozen=True)
class Curve:
    """One method by one metric.

    Attributes:
        steps: numbers of reverse steps, ascending; empty for a method without steps, which is a level.
        means, lows, highs: of each; one value for a level. Intervals are NaN where there is none.
    """

    method: str
    paradigm: str
    steps: Sequence[int]
    means: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]


def curves(analysis: Analysis, metric: str) -> list[Curve]:
    """Every method with a value, in the order of tables."""
    found: dict[str, list[int]] = {}
    for number, summary in enumerate(analysis.summaries):
        if summary.metrics[metric].n:
            found.setdefault(summary.system.method, []).append(number)
    made = []
    for method, numbers in found.items():
        of_method = [analysis.summaries[number] for number in numbers]
        scores = [summary.metrics[metric] for summary in of_method]
        steps = [summary.system.steps for summary in of_method if summary.system.steps is not None]
        ends = ([score.mean for score in scores], [score.low for score in scores], [score.high for score in scores])
        made.append(Curve(method, of_method[0].system.paradigm, steps, *ends))
    return made


def over_steps(analysis: Analysis, metrics: Sequence[str], width: str = "column") -> Figure:
    """A panel per metric; a line per method over N with intervals, a level for a method without steps.

    Raises:
        UserError: no method was run at two numbers of steps.
    """
    of_metric = {name: curves(analysis, name) for name in metrics}
    drawn = [curve for found in of_metric.values() for curve in found]
    if not any(len(curve.steps) > 1 for curve in drawn):
        raise UserError(f"{analysis.panel.dataset}: no method at several numbers of steps; bench run 'steps=[5,10,30]'")
    looks = _looks(drawn)
    with page.style():
        side_by_side = width == "page"
        shape = (1, len(metrics)) if side_by_side else (len(metrics), 1)
        figure = page.blank(width, 2.2 if side_by_side else 0.5 + 1.25 * len(metrics))
        axes = figure.subplots(*shape, squeeze=False, sharex=True).flatten()
        for ax, (name, found) in zip(axes, of_metric.items(), strict=True):
            swept = [curve for curve in found if curve.steps]
            for curve in found:
                place = swept.index(curve) if curve.steps else 0
                _draw(ax, curve, looks[curve.method], 1 + 0.03 * (place - (len(swept) - 1) / 2))
            _steps_axis(ax, sorted({step for curve in found for step in curve.steps}))
            ax.set_ylabel(analysis.metrics[name].heading)
        for ax in axes if side_by_side else axes[-1:]:
            ax.set_xlabel("reverse steps N")
        handles = [Line2D([], [], label=figures.plain(method), **look) for method, look in looks.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


_LEVELS = [
    *((0, (1, 1.5)), (0, (5, 2)), (0, (6, 2, 1, 2)), (0, (6, 2, 1, 2, 1, 2))),
    *((0, (10, 3)), (0, (1, 4)), (0, (3, 1)), (0, (10, 2, 3, 2))),
]
"""Dashes of the methods without steps, told apart without colour."""


def _looks(drawn: Sequence[Curve]) -> dict[str, dict[str, Any]]:
    palette = figures.colours(curve.paradigm for curve in drawn)
    looks: dict[str, dict[str, Any]] = {}
    levels, markers = cycle(_LEVELS), cycle(figures.MARKERS)
    for curve in drawn:
        if curve.method not in looks:
            flat = not curve.steps
            marker = "" if flat else next(markers)
            line = next(levels) if flat else "-"
            looks[curve.method] = {
                **{"color": palette[curve.paradigm], "marker": marker, "linestyle": line},
                **{"linewidth": 1.0, "markersize": 3.5},
            }
    return looks


def _draw(ax: Axes, curve: Curve, look: dict[str, Any], shift: float) -> None:
    """``shift``: a factor of N, so that intervals do not cover each other."""
    if not curve.steps:
        ax.axhline(curve.means[0], color=look["color"], linestyle=look["linestyle"], linewidth=1, zorder=1)
        return
    places = shift * np.array(curve.steps)
    ax.plot(places, curve.means, zorder=3, **look)
    known = [place for place, low in enumerate(curve.lows) if not math.isnan(low)]
    low, high = (np.array(ends)[known] for ends in (curve.lows, curve.highs))
    ax.vlines(places[known], low, high, color=look["color"], linewidth=0.8, alpha=0.6)


def _steps_axis(ax: Axes, steps: Sequence[int]) -> None:
    ax.set_xscale("log")
    ax.set_xlim(steps[0] / 1.2, steps[-1] * 1.2)
    ax.xaxis.set_major_locator(FixedLocator(steps))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


@dataclass(frozen=True)
class Bar:
    """One system's word error rate in per cent, with its interval."""

    label: str
    paradigm: str
    mean: float
    low: float
    high: float


def bars(analysis: Analysis, metric: str) -> list[Bar]:
    """Every system with a value, in the order of tables."""
    found = [(summary.system, summary.metrics[metric]) for summary in analysis.summaries]
    return [
        Bar(figures.label(system), system.paradigm, score.mean, score.low, score.high)
        for system, score in found
        if score.n
    ]


def rates(analysis: Analysis, metric: str, width: str = "column") -> Figure:
    """A horizontal bar per system with its interval, its rate beside it."""
    found, info = bars(analysis, metric), analysis.metrics[metric]
    palette = figures.colours(bar.paradigm for bar in found)
    with page.style():
        figure = page.blank(width, 0.5 + 0.2 * len(found))
        ax = figure.subplots()
        for place, bar in enumerate(found):
            ax.barh(place, bar.mean, 0.65, color=palette[bar.paradigm], alpha=0.85, zorder=2)
            if not math.isnan(bar.low):
                ax.hlines(place, bar.low, bar.high, color="0.15", linewidth=1, zorder=3)
            _value(ax, info, bar.mean, place)
        ax.set_yticks(range(len(found)), [bar.label for bar in found])
        ax.set(xlabel=info.heading, ylim=(len(found) - 0.4, -0.6), xlim=(0, None))
        ax.grid(visible=False, axis="y")
    return figure


def _value(ax: Axes, info: MetricInfo, mean: float, place: int) -> None:
    look: dict[str, Any] = {"ha": "left", "va": "center", "size": 6.5, "color": "0.25"}
    ax.text(1.01, place, info.format(mean), transform=ax.get_yaxis_transform(), **look)
